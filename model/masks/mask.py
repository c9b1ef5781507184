"""Mask: which pixels of a picture belong to one object, as run lengths in COCO's form. Needs no torch."""

# pycocotools has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

_MIN_BOX_IOU, _MAX_SHARE = 0.3, 0.6

Ring: TypeAlias = "list[tuple[int, int]]"
"""The corners of a closed line, px."""


@dataclass(frozen=True, slots=True)
class Mask:
    """The pixels of one object.

    Args:
        size_hw: height and width of the whole picture, px.
        counts: COCO's compressed run lengths (RLE), ASCII: `{"size": size_hw, "counts": counts}` is what pycocotools
            reads.
        area_px: number of pixels, at least one.
        quality: 0..1, how sure the masker is; each masker's documentation says how it is computed.
        box_xyxy: px, around the mask's pixels.
    """

    size_hw: tuple[int, int]
    counts: bytes
    area_px: int
    quality: float
    box_xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Polygon:
    """One connected part of a mask: its outline, and the outlines of its holes. Corners lie on pixels of the mask."""

    outline: Ring
    holes: tuple[Ring, ...]


def mask_of(pixels_HW: NDArray[np.bool_], quality: float) -> Mask | None:
    """The mask of a picture's pixels; None if there is not one."""
    return window_mask(pixels_HW, (0, 0), (pixels_HW.shape[0], pixels_HW.shape[1]), quality)


def window_mask(
    pixels_HW: NDArray[np.bool_], corner_xy: tuple[int, int], size_hw: tuple[int, int], quality: float
) -> Mask | None:
    """The mask of pixels that are known within a window of the picture; the rest of the picture is not the object.

    Args:
        corner_xy: the window's top left corner in the picture, px.
        size_hw: the whole picture's size, px.
    """
    x, y, width, height = cv2.boundingRect(pixels_HW.astype(np.uint8))
    if width == 0:
        return None
    left, top = corner_xy[0] + x, corner_xy[1] + y
    inside = pixels_HW[y : y + height, x : x + width]
    counts = _compressed(_runs(inside, left, top, size_hw), size_hw)
    box = float(left), float(top), float(left + width), float(top + height)
    return Mask(size_hw, counts, int(np.count_nonzero(inside)), min(1.0, max(0.0, quality)), box)


def pixels_of(mask: Mask) -> NDArray[np.bool_]:
    """(H, W) bool: the mask's pixels.

    Raises:
        ValueError: its run lengths are damaged, or of another size.
    """
    from pycocotools import mask as coco

    height, width = mask.size_hw
    runs = _uncompressed(mask.counts)
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"the run lengths of a mask do not fit its picture of {width}x{height} px")
    decoded: NDArray[np.uint8] = coco.decode({"size": [height, width], "counts": mask.counts})
    return decoded.astype(np.bool_)


def polygons_of(mask: Mask) -> list[Polygon]:
    """The mask as polygons with holes, the largest part first."""
    x1, y1, x2, y2 = (round(side) for side in mask.box_xyxy)
    inside = pixels_of(mask)[y1:y2, x1:x2].astype(np.uint8)
    contours, hierarchy = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x1, y1))
    rings = [[(int(x), int(y)) for x, y in contour[:, 0]] for contour in contours]
    parents = [int(row[3]) for row in hierarchy[0]] if rings else []
    found = [
        Polygon(ring, tuple(hole for hole, owner in zip(rings, parents, strict=True) if owner == row))
        for row, (ring, parent) in enumerate(zip(rings, parents, strict=True))
        if parent < 0
    ]
    return sorted(found, key=lambda one: -_ring_area(one.outline))


def resized(mask: Mask, size_hw: tuple[int, int]) -> Mask | None:
    """The mask in a picture of another size; None if no pixel is left."""
    if size_hw == mask.size_hw:
        return mask
    height, width = size_hw
    pixels = cv2.resize(pixels_of(mask).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
    return mask_of(np.asarray(pixels, np.bool_), mask.quality)


def follows_box(mask: Mask, box_xyxy: Sequence[float]) -> bool:
    """Whether a mask can be the object in a box: masks that jump to other things or fill the picture cannot.

    The mask's own box must overlap the given one by an IoU of 0.3, and a mask of more than 60 % of the picture needs a
    box that is as large.
    """
    height, width = mask.size_hw
    x1, y1, x2, y2 = box_xyxy
    left, top, right, bottom = mask.box_xyxy
    both = max(0.0, min(x2, right) - max(x1, left)) * max(0.0, min(y2, bottom) - max(y1, top))
    area = (x2 - x1) * (y2 - y1)
    iou = both / max(1e-9, area + (right - left) * (bottom - top) - both)
    return iou >= _MIN_BOX_IOU and mask.area_px <= max(area, _MAX_SHARE * width * height)


def _ring_area(ring: Ring) -> float:
    return float(cv2.contourArea(np.array(ring, np.int32)))


def _runs(pixels_HW: NDArray[np.bool_], left: int, top: int, size_hw: tuple[int, int]) -> list[int]:
    """The lengths of the runs of a window's pixels in the whole picture, column by column, beginning with zeros."""
    height, width = size_hw
    change_WH = np.diff(np.pad(pixels_HW.T.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    columns, rows = np.nonzero(change_WH > 0)
    starts = (left + columns) * height + top + rows
    columns, rows = np.nonzero(change_WH < 0)
    ends = (left + columns) * height + top + rows
    apart = starts[1:] != ends[:-1]  # a run may go on at the top of the next column
    starts, ends = starts[np.r_[True, apart]], ends[np.r_[apart, True]]
    edges = np.stack([starts, ends], 1).ravel()
    return np.diff(np.r_[0, edges, height * width]).tolist()


def _compressed(runs: list[int], size_hw: tuple[int, int]) -> bytes:
    from pycocotools import mask as coco

    height, width = size_hw
    if runs[-1] == 0:  # as pycocotools itself writes a mask that ends with the picture
        runs = runs[:-1]
    uncompressed: Any = {"size": [height, width], "counts": runs}
    counts: bytes = coco.frPyObjects(uncompressed, height, width)["counts"]
    return counts


def _uncompressed(counts: bytes) -> list[int]:
    """COCO's compressed run lengths as numbers: five bits a character, the lowest first, from the third on relative."""
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        five = character - 48
        if not 0 <= five < 64 or shift > 60:
            raise ValueError("the run lengths of a mask are damaged")
        value |= (five & 31) << shift
        shift += 5
        if five & 32:
            continue
        if five & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("the run lengths of a mask are damaged")
    return runs
