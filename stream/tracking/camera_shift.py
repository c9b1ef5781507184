"""Camera shift: how far the picture jumped between two frames, told from the boxes alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_MAX_BOXES = 16  # the largest alone vote: each pair of boxes is tried against all others
_MAX_SHIFT = 2.0  # in sizes of a box
_NEAR = 0.2  # a box is where it is expected, in its own sizes
_SAME_SIZE = 0.3  # of the logarithm of a side
_MIN_VOTES = 3
_MIN_GAIN = 1.5  # a shift needs so many times the votes of no shift


def camera_shift_px(
    detected: Sequence[NDArray[np.float64]], predicted: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(2,) px: the shift under which the most predicted boxes meet a detected one; 0 unless it is clear.

    Args:
        detected, predicted: boxes, each (2, 2) px: cx, cy and w, h.
    """
    if min(len(detected), len(predicted)) < _MIN_VOTES:
        return np.zeros(2)
    return _shift_px(_largest(np.stack(detected)), _largest(np.stack(predicted)))


def _shift_px(detected: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    moves = detected[:, None, 0] - predicted[None, :, 0]  # (detected, predicted, 2)
    scale = np.sqrt(predicted[:, 1].prod(axis=1))
    sizes = np.abs(np.log(detected[:, None, 1] / np.maximum(predicted[None, :, 1], 1.0))).max(axis=2)
    alike = (sizes < _SAME_SIZE) & (np.abs(moves).max(axis=2) < _MAX_SHIFT * scale)
    if np.count_nonzero(alike.any(axis=0)) < _MIN_VOTES:
        return np.zeros(2)
    shifts = np.concatenate([np.zeros((1, 2)), moves[alike]])
    off = np.linalg.norm(moves[None] - shifts[:, None, None], axis=3) / scale  # (shift, detected, predicted)
    quality = np.where(alike, np.clip(1.0 - off / _NEAR, 0.0, 1.0), 0.0).max(axis=1).sum(axis=1)
    votes = np.where(alike, off < _NEAR, False).any(axis=1).sum(axis=1)
    best = int(quality.argmax())
    if votes[best] < _MIN_VOTES or quality[best] < _MIN_GAIN * quality[0] + 1.0:
        return np.zeros(2)
    near = alike & (off[best] < _NEAR)
    return np.median(moves[near], axis=0)


def _largest(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(boxes) <= _MAX_BOXES:
        return boxes
    return boxes[np.argsort(-boxes[:, 1].prod(axis=1), kind="stable")[:_MAX_BOXES]]
