"""A track's mask: its pixels in one frame."""

from __future__ import annotations

from dataclasses import dataclass

from .track import Box


@dataclass(frozen=True, slots=True)
class TrackMask:
    """The pixels of one track in one frame.

    Args:
        track_id: the track's `id`.
        size_hw: height and width of the original picture, px.
        rle: COCO's compressed run lengths: pycocotools decodes `{"size": size_hw, "counts": rle}`.
        area_px: number of pixels, at least one.
        quality: 0..1, how sure the masker is.
        box_xyxy: px, around the mask's pixels.
    """

    track_id: int
    size_hw: tuple[int, int]
    rle: bytes
    area_px: int
    quality: float
    box_xyxy: Box
