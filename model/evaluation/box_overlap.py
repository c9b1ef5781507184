"""Box overlap: areas, intersections and IoU of boxes given as corners.

Letters: n and m, any two sets of boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.floating[Any]]


def areas(boxes_xyxy: Boxes) -> NDArray[np.float64]:
    """(n,) from (n, 4); 0 for a box whose corners are swapped."""
    sides_n2 = np.asarray(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], np.float64)
    return sides_n2.clip(0).prod(-1)


def intersections(a_xyxy: Boxes, b_xyxy: Boxes) -> NDArray[np.float64]:
    """(n, m) areas of the intersections of (n, 4) with (m, 4)."""
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    return np.asarray(high - low, np.float64).clip(0).prod(-1)


def ious(a_xyxy: Boxes, b_xyxy: Boxes) -> NDArray[np.float64]:
    """(n, m) IoU of (n, 4) with (m, 4); 0 for boxes without an area."""
    inner = intersections(a_xyxy, b_xyxy)
    return inner / np.maximum(areas(a_xyxy)[:, None] + areas(b_xyxy)[None] - inner, 1e-12)
