"""Assignment: which detections continue which tracks, so that the costs have the smallest sum."""

# scipy comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

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
