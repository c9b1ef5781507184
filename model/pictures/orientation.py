"""Orientation: how a stored picture is rotated and mirrored to be upright, by EXIF's numbers 1 to 8."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

UPRIGHT = 1
ORIENTATIONS = range(1, 9)

# (transposed, then columns reversed, then rows reversed) -> EXIF 2.32, tag 0x0112
_NUMBERS = {
    (False, False, False): 1,
    (False, True, False): 2,
    (False, True, True): 3,
    (False, False, True): 4,
    (True, False, False): 5,
    (True, True, False): 6,
    (True, True, True): 7,
    (True, False, True): 8,
}
_STEPS = {number: steps for steps, number in _NUMBERS.items()}
_FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}  # cv2.flip's codes


def turn_upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The upright picture; the same array if it is upright already.

    Args:
        image: (h, w, 3) as stored.
        orientation: 1 to 8; any other number means upright.
    """
    swapped, *mirrored = _STEPS.get(orientation, _STEPS[UPRIGHT])
    if swapped:
        image = np.asarray(cv2.transpose(image), np.uint8)
    flip = _FLIPS.get((mirrored[0], mirrored[1]))
    return image if flip is None else np.asarray(cv2.flip(image, flip), np.uint8)


def swaps_sides(orientation: int) -> bool:
    """Whether the orientation swaps width and height."""
    return _STEPS.get(orientation, _STEPS[UPRIGHT])[0]


def orientation_of_matrix(x_of_x: float, y_of_x: float, x_of_y: float, y_of_y: float) -> int:
    """The nearest orientation of a display matrix, which maps stored to displayed coordinates.

    x shown is x_of_x * x + x_of_y * y, y shown is y_of_x * x + y_of_y * y, both from the top left.
    """
    swapped = abs(y_of_x) + abs(x_of_y) > abs(x_of_x) + abs(y_of_y)
    x_sign, y_sign = (x_of_y, y_of_x) if swapped else (x_of_x, y_of_y)
    return _NUMBERS[swapped, x_sign < 0, y_sign < 0]
