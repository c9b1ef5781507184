"""Painting: an area of a picture painted anew window by window, every pixel outside it left as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..image import Rgb
from .area import Window, windows_of


@dataclass(frozen=True, slots=True)
class PaintRequest:
    """What is to be painted.

    Args:
        text: what shall be seen there.
        negative: what shall not be seen there; "" for nothing.
        seed: the same seed gives the same pixels on the same machine.
        phrases: what shall be in each box, for painters that place things in boxes.
        boxes_xyxy: px of the picture, a row a phrase.
    """

    text: str
    negative: str
    seed: int
    phrases: tuple[str, ...]
    boxes_xyxy: NDArray[np.float32]


class Painter(Protocol):
    """Paints the masked pixels of small pictures."""

    def size_for(self, window_hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width at which a window of the picture is painted, px."""
        ...

    def paint(self, image: Rgb, mask_HW: NDArray[np.bool_], request: PaintRequest) -> Rgb:
        """The picture with its masked pixels painted anew; the others may change too.

        Args:
            image: of a size that `size_for` gave.
            request: its boxes are 0..1 of this picture.
        """
        ...


@dataclass(frozen=True, slots=True)
class Painted:
    """A picture that was painted in.

    Args:
        image: (H, W, 3) uint8 RGB of the original's size.
        windows: what was painted, with the height and width at which each was.
    """

    image: Rgb
    windows: tuple[tuple[Window, tuple[int, int]], ...]


def paint_area(
    image: Rgb, alpha_HW: NDArray[np.float32], painter: Painter, request: PaintRequest, context: float = 0.5
) -> Painted:
    """Paint the area where alpha is above 0. Where it is 0 every pixel keeps its value.

    Args:
        image: (H, W, 3) uint8 RGB.
        alpha_HW: the share of the painted pixel in each pixel.
        context: how much around a part of the area the painter sees, as a share of the part's longer side.
    """
    result = image.copy()
    sizes: list[tuple[Window, tuple[int, int]]] = []
    for window in windows_of(alpha_HW, context):
        size_hw = painter.size_for(window.size_hw)
        part, alpha = image[window.pixels], alpha_HW[window.pixels]
        small = _resized(part, size_hw)
        mask = _resized(np.where(alpha > 0, np.uint8(255), np.uint8(0)), size_hw) > 0
        painted = painter.paint(small, mask, _within(request, window))
        assert painted.shape == small.shape
        result[window.pixels] = _blended(part, _resized(painted, window.size_hw), alpha)
        sizes.append((window, size_hw))
    return Painted(result, tuple(sizes))


def _blended(below: Rgb, above: Rgb, alpha: NDArray[np.float32]) -> Rgb:
    share = alpha[..., None]
    return (below + (above.astype(np.float32) - below) * share).round().astype(np.uint8)


def _resized(image: Rgb, size_hw: tuple[int, int]) -> Rgb:
    height, width = size_hw
    if image.shape[:2] == size_hw:
        return image
    is_smaller = height * width < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)


def _within(request: PaintRequest, window: Window) -> PaintRequest:
    """The request with the boxes that lie in a window, in 0..1 of it."""
    height, width = window.size_hw
    corner = np.array([window.left, window.top] * 2, np.float32)
    boxes = (request.boxes_xyxy - corner) / np.array([width, height] * 2, np.float32)
    inside = np.clip(boxes, 0.0, 1.0)
    kept = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
    return PaintRequest(
        request.text, request.negative, request.seed, _chosen(request.phrases, kept), inside[kept].astype(np.float32)
    )


def _chosen(phrases: Sequence[str], kept: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(phrase for phrase, is_kept in zip(phrases, kept.tolist(), strict=True) if is_kept)
