"""Grown IoU: the overlap of boxes that are grown by how uncertain a track's position is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def grown_iou(
    detected: NDArray[np.float64], predicted: NDArray[np.float64], margins_px: NDArray[np.float64]
) -> NDArray[np.float64]:
    """IoU of each detected box with each predicted one, both grown on all sides by the predicted one's margin.

    Grown boxes let small and fast objects match that no longer overlap their predicted boxes
    (an idea from buffered IoU, arXiv:2211.14317).

    Args:
        detected, predicted: (count, 2, 2) px: cx, cy and w, h.
        margins_px: one for each predicted box.

    Returns:
        (detected, predicted), 0..1.
    """
    detected_sides = detected[:, None, 1] + 2 * margins_px[:, None]  # (detected, predicted, 2)
    predicted_sides = predicted[None, :, 1] + 2 * margins_px[:, None]
    apart = np.abs(detected[:, None, 0] - predicted[None, :, 0])
    shared_sides = np.minimum(
        (detected_sides + predicted_sides) / 2 - apart, np.minimum(detected_sides, predicted_sides)
    )
    shared = np.prod(np.clip(shared_sides, 0.0, None), axis=2)
    return shared / (np.prod(detected_sides, axis=2) + np.prod(predicted_sides, axis=2) - shared)


def centre_and_size(box_xyxy: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """(2, 2) px: cx, cy and w, h."""
    left, top, right, bottom = box_xyxy
    return np.array([[(left + right) / 2, (top + bottom) / 2], [right - left, bottom - top]])
