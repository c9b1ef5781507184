"""Assignment: which detections continue which tracks, so that the costs have the smallest sum."""

# scipy comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

_NEVER = 1e6


def assign(costs: NDArray[np.float32] | NDArray[np.float64], max_cost: float) -> tuple[list[int], list[int]]:
    """The pairs below `max_cost` whose costs have the smallest sum, as rows and columns."""
    bounded = np.where(costs < max_cost, costs, _NEVER)
    rows, columns = linear_sum_assignment(bounded)
    near = bounded[rows, columns] < _NEVER
    return rows[near].tolist(), columns[near].tolist()


def same_phrase(detected: Sequence[Hashable], tracked: Sequence[Hashable]) -> NDArray[np.bool_]:
    """(detections, tracks) whether they have the same phrase."""
    codes = {phrase: code for code, phrase in enumerate(dict.fromkeys(tracked))}
    track_codes = np.array([codes[phrase] for phrase in tracked], np.int64)
    return np.array([codes.get(phrase, -1) for phrase in detected], np.int64)[:, None] == track_codes[None]
