"""Box crops: the square part of a picture around a box, which always covers the same middle part of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def crop_matrix(box_xyxy: Sequence[float], scale: float, side_px: int) -> NDArray[np.float64]:
    """(2, 3) affine matrix from pixel indices of the picture to those of a square crop around the box.

    Width and height are scaled separately.

    Args:
        scale: the crop is this much wider and higher than the box.
        side_px: the crop's size.
    """
    x1, y1, x2, y2 = box_xyxy
    by_x, by_y = side_px / (scale * (x2 - x1)), side_px / (scale * (y2 - y1))
    left, top = (x1 + x2) / 2 - scale * (x2 - x1) / 2, (y1 + y2) / 2 - scale * (y2 - y1) / 2
    # Pixel centres are at half coordinates.
    return np.array([[by_x, 0, (0.5 - left) * by_x - 0.5], [0, by_y, (0.5 - top) * by_y - 0.5]])


def warp(
    picture: NDArray[np.uint8],
    crop_from_picture: NDArray[np.float64],
    side_px: int,
    border: int = cv2.BORDER_REPLICATE,
) -> NDArray[np.uint8]:
    """The crop that the matrix describes. Where it shrinks the picture, that part is averaged first."""
    height, width = picture.shape[:2]
    x1, y1 = (_whole(-crop_from_picture[axis, 2] / crop_from_picture[axis, axis] - 2) for axis in (0, 1))
    x2, y2 = (_whole((side_px - crop_from_picture[axis, 2]) / crop_from_picture[axis, axis] + 3) for axis in (0, 1))
    x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    part = picture[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    part_h, part_w = part.shape[:2]
    by_x, by_y = (1 / max(1, int(1 / crop_from_picture[axis, axis])) for axis in (0, 1))
    size = max(1, round(part_w * by_x)), max(1, round(part_h * by_y))
    ratio_x, ratio_y = part_w / size[0], part_h / size[1]
    if size != (part_w, part_h):
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    part_to_picture = np.array(
        [[ratio_x, 0, 0.5 * ratio_x - 0.5 + x1], [0, ratio_y, 0.5 * ratio_y - 0.5 + y1], [0, 0, 1]]
    )
    crop = cv2.warpAffine(
        part, crop_from_picture @ part_to_picture, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=border
    )
    return np.asarray(crop, np.uint8)


def paste(
    values_HW: NDArray[np.float32], crop_from_picture: NDArray[np.float64], size_hw: tuple[int, int]
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """A crop's values at the picture's own pixels, and the corner (x, y) of the window that they fill."""
    side_px, (height, width) = values_HW.shape[0], size_hw
    x1, y1 = (_whole((-0.5 - crop_from_picture[axis, 2]) / crop_from_picture[axis, axis] + 1) for axis in (0, 1))
    x2, y2 = (
        _whole((side_px - 0.5 - crop_from_picture[axis, 2]) / crop_from_picture[axis, axis] + 1) for axis in (0, 1)
    )
    x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if x2 <= x1 or y2 <= y1:
        return np.zeros((0, 0), np.float32), (0, 0)
    crop_from_window = crop_from_picture.copy()
    crop_from_window[:, 2] += crop_from_picture[:, :2] @ np.array([x1, y1])
    window = cv2.warpAffine(
        values_HW,
        crop_from_window,
        (x2 - x1, y2 - y1),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(window, np.float32), (x1, y1)


def _whole(value: float) -> int:
    return int(np.floor(value))
