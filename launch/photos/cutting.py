"""Cutting: one object out of a picture: its box with padding, as a square, before another background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from ..exits import InputError


@dataclass(frozen=True, slots=True)
class Cut:
    """How an object is cut out.

    Args:
        padding: on each side, as a share of the box's longer side.
        square: the shorter side grows to the longer one; what lies beyond the picture has the ground's colour.
        size_px: the result's longer side; None keeps the picture's own px.
        ground: what takes the place of what is not the object: 'keep', 'transparent', or red, green, blue.
    """

    padding: float = 0.1
    square: bool = False
    size_px: int | None = None
    ground: str | tuple[int, int, int] = "keep"


def ground_of(text: str) -> str | tuple[int, int, int]:
    """The ground that a user names.

    Raises:
        InputError: it is neither 'keep' nor 'transparent' nor a colour.
    """
    if text in ("keep", "transparent"):
        return text
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise InputError(
            f"--background {text} is not known: write keep, transparent, or a colour such as white"
        ) from error
    return red, green, blue


def cut_out(
    image: NDArray[np.uint8], box_xyxy: Sequence[float], cut: Cut, pixels: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """The object, (h, w, 3) RGB, or (h, w, 4) before a transparent ground.

    Args:
        image: (H, W, 3) RGB.
        box_xyxy: px of `image`.
        pixels: the object's pixels in `image`; None leaves what is around it.
    """
    left, top, right, bottom = _window(box_xyxy, cut, image.shape[1], image.shape[0])
    colour = cut.ground if isinstance(cut.ground, tuple) else (255, 255, 255)
    result = np.empty((bottom - top, right - left, 4), np.uint8)
    result[..., :3] = colour
    result[..., 3] = 0
    x1, y1, x2, y2 = max(0, left), max(0, top), min(image.shape[1], right), min(image.shape[0], bottom)
    inside = result[y1 - top : y2 - top, x1 - left : x2 - left]
    taken = image[y1:y2, x1:x2]
    if pixels is None or cut.ground == "keep":
        inside[..., :3], inside[..., 3] = taken, 255
    else:
        alpha = _soft(pixels)[y1:y2, x1:x2]
        share = alpha[..., None].astype(np.float32) / 255.0
        mixed = taken if cut.ground == "transparent" else taken * share + np.array(colour, np.float32) * (1 - share)
        inside[..., :3], inside[..., 3] = np.asarray(mixed).round().astype(np.uint8), alpha
    if cut.size_px is not None:
        scale = cut.size_px / max(result.shape[:2])
        size = max(1, round(result.shape[1] * scale)), max(1, round(result.shape[0] * scale))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        result = np.asarray(cv2.resize(result, size, interpolation=interpolation), np.uint8)
    return result if cut.ground == "transparent" else result[..., :3]


def _window(box: Sequence[float], cut: Cut, wide: int, high: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom, px; a square may reach beyond a picture that is too small for it."""
    x1, y1, x2, y2 = box
    margin = cut.padding * max(x2 - x1, y2 - y1)
    left, top = max(0, int(np.floor(x1 - margin))), max(0, int(np.floor(y1 - margin)))
    right, bottom = min(wide, int(np.ceil(x2 + margin))), min(high, int(np.ceil(y2 + margin)))
    right, bottom = max(left + 1, right), max(top + 1, bottom)
    if not cut.square:
        return left, top, right, bottom
    side = max(right - left, bottom - top)
    left, right = _grown(left, right, side, wide)
    top, bottom = _grown(top, bottom, side, high)
    return left, top, right, bottom


def _grown(first: int, last: int, side: int, most: int) -> tuple[int, int]:
    """An interval of the length `side` about the same middle, moved into 0..most where it fits."""
    start = (first + last - side) // 2
    if side <= most:
        start = min(max(0, start), most - side)
    return start, start + side


def _soft(pixels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Alpha with an edge one px wide, which shows no steps."""
    return np.asarray(cv2.GaussianBlur(pixels.astype(np.uint8) * 255, (3, 3), 0), np.uint8)
