"""Blurring: makes parts of a picture unrecognisable, so that the pixels that remain do not give them back."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_CELLS = 6  # colours along the longer side of what is blurred


def blur_box(
    image: NDArray[np.uint8], box_xyxy: Sequence[float], pixels: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """The picture with an object blurred: six mean colours along its longer side, without edges between them.

    Args:
        image: (H, W, 3) RGB.
        box_xyxy: px of `image`.
        pixels: the object's pixels, which grow by a little; None blurs the whole box.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box_xyxy
    margin = 0.05 * max(x2 - x1, y2 - y1) + 1
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    right, bottom = min(width, int(np.ceil(x2 + margin))), min(height, int(np.ceil(y2 + margin)))
    if right <= left or bottom <= top:
        return image
    part = image[top:bottom, left:right]
    cell = max(part.shape[:2]) / _CELLS
    few = max(1, round(part.shape[1] / cell)), max(1, round(part.shape[0] / cell))
    small = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(small, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    result = image.copy()
    if pixels is None:
        result[top:bottom, left:right] = smooth
        return result
    grown = 2 * max(1, round(margin)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (grown, grown))
    inside = cv2.dilate(pixels[top:bottom, left:right].astype(np.uint8), kernel).astype(np.bool_)
    result[top:bottom, left:right][inside] = smooth[inside]
    return result
