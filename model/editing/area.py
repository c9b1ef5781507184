"""Area: which pixels of a picture are painted anew, how much of each, and the windows that are painted for it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_MAX_WINDOWS = 32  # more separate parts than that are painted in one window
_MIN_CONTEXT_PX = 16


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the picture, px; right and bottom are outside it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.bottom - self.top, self.right - self.left

    @property
    def pixels(self) -> tuple[slice, slice]:
        """The index of the window's pixels in an array of the whole picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def alpha_of(pixels_HW: NDArray[np.bool_], dilate_px: float, feather_px: float) -> NDArray[np.float32]:
    """(H, W) 0..1: the share of the painted pixel in the result.

    It is 1 in the dilated mask, falls outside it, and is exactly 0 where the dilated mask is farther than `feather_px`.

    Args:
        dilate_px: how far the mask grows; negative numbers shrink it. The picture's edge is no edge of the mask.
        feather_px: how far the transition reaches beyond the dilated mask.
    """
    if not pixels_HW.any():
        return np.zeros(pixels_HW.shape, np.float32)
    if dilate_px < 0:
        painted = _distance_to(~pixels_HW) > -dilate_px
        if not painted.any():
            return np.zeros(pixels_HW.shape, np.float32)
    else:
        painted = _distance_to(pixels_HW) <= dilate_px
    distance = _distance_to(painted)
    alpha = np.clip(1.0 - distance / (feather_px + 1.0), 0.0, 1.0).astype(np.float32)
    alpha[distance > feather_px] = 0.0
    return alpha


def windows_of(alpha_HW: NDArray[np.float32], context: float) -> list[Window]:
    """The windows to paint: each around one part of the area, nearly square, none overlapping another.

    Args:
        context: what is seen around a part, on each side, as a share of the part's longer side.
    """
    count, _, figures, _ = cv2.connectedComponentsWithStats((alpha_HW > 0).astype(np.uint8), connectivity=8)
    parts = [Window(x, y, x + w, y + h) for x, y, w, h, _ in figures[1:count].tolist()]
    if len(parts) > _MAX_WINDOWS:
        parts = [_around(parts)]
    limits_hw = alpha_HW.shape[0], alpha_HW.shape[1]
    windows = [_squared(_with_context(part, context), limits_hw) for part in parts]
    while (pair := _overlapping(windows)) is not None:
        first, second = pair
        rest = [one for one in windows if one not in pair]
        windows = [*rest, _squared(_around([first, second]), limits_hw)]
    return sorted(windows, key=lambda one: (one.top, one.left))


def _distance_to(pixels: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Of each pixel the distance to the nearest of these, px; far beyond any picture where there are none."""
    if not pixels.any():
        return np.full(pixels.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~pixels).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _with_context(part: Window, context: float) -> Window:
    margin = max(_MIN_CONTEXT_PX, round(context * max(part.size_hw)))
    return Window(part.left - margin, part.top - margin, part.right + margin, part.bottom + margin)


def _squared(window: Window, limits_hw: tuple[int, int]) -> Window:
    """The window inside the picture, its shorter side as long as its longer one where the picture has room."""
    height, width = limits_hw
    side = max(window.size_hw)
    left, right = _interval(window.left, window.right, side, width)
    top, bottom = _interval(window.top, window.bottom, side, height)
    return Window(left, top, right, bottom)


def _interval(first: int, last: int, side: int, most: int) -> tuple[int, int]:
    """An interval of the length `side` about the same middle, moved into 0..most; all of it where `side` is longer."""
    if side >= most:
        return 0, most
    start = min(max(0, (first + last - side) // 2), most - side)
    return start, start + side


def _around(windows: list[Window]) -> Window:
    return Window(
        min(one.left for one in windows),
        min(one.top for one in windows),
        max(one.right for one in windows),
        max(one.bottom for one in windows),
    )


def _overlapping(windows: list[Window]) -> tuple[Window, Window] | None:
    for row, one in enumerate(windows):
        for other in windows[row + 1 :]:
            across = min(one.right, other.right) > max(one.left, other.left)
            if across and min(one.bottom, other.bottom) > max(one.top, other.top):
                return one, other
    return None
