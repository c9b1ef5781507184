"""Depth image: how far away each pixel is, as a camera or a program gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class DepthImage:
    """Distances along the camera's axis.

    Args:
        values: (height, width) uint16 or float32; 0 and what is not finite mean that nothing was measured.
        unit_m: metres of a value of 1.
    """

    values: NDArray[np.uint16] | NDArray[np.float32]
    unit_m: float
