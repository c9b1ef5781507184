"""Two ways to the same answer, timed in turns: what one gains over the other whatever else the machine does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was measured.

    Args:
        ours_s, theirs_s: the median time of each.
        ratio: the median over pairs of theirs / ours.
        quartiles: of the same.
        pairs: how many.
    """

    ours_s: float
    theirs_s: float
    ratio: float
    quartiles: tuple[float, float]
    pairs: int


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], pairs: int) -> Pairs:
    """Time both `pairs` times after one run each that does not count; who begins changes from pair to pair."""
    ours()
    theirs()
    times: list[tuple[float, float]] = []
    for row in range(pairs):
        if row % 2:
            their_s = _timed(theirs)
            times.append((_timed(ours), their_s))
        else:
            times.append((_timed(ours), _timed(theirs)))
    measured = np.array(times)
    ratios = measured[:, 1] / measured[:, 0]
    low, middle, high = (float(value) for value in np.quantile(ratios, (0.25, 0.5, 0.75)))
    ours_s, theirs_s = (float(value) for value in np.median(measured, axis=0))
    return Pairs(ours_s, theirs_s, middle, (low, high), pairs)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
