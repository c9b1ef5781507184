"""Paired timing: several versions timed in turns, so that other load affects all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was measured of two ways.

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


@dataclass(frozen=True, slots=True)
class RoundTimes:
    """`times_s` of each way, one a round."""

    times_s: Mapping[str, tuple[float, ...]]

    def median_s(self, way: str) -> float:
        return float(np.median(self.times_s[way]))

    def pairs(self, ours: str, theirs: str) -> Pairs:
        """Two of the ways, round by round."""
        ratios = np.array(self.times_s[theirs]) / np.array(self.times_s[ours])
        low, middle, high = (float(value) for value in np.quantile(ratios, (0.25, 0.5, 0.75)))
        return Pairs(self.median_s(ours), self.median_s(theirs), middle, (low, high), len(ratios))


def in_turns(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    in_a_row: int = 1,
    finish: Callable[[], object] = lambda: None,
) -> RoundTimes:
    """Time each `rounds` times after one run each that does not count; who begins moves on from round to round.

    Args:
        in_a_row: how often a way is taken for one figure, which is their mean: what is launched on a GPU while the one
            before computes there takes as long as it computes.
        finish: waits until the answers are there, where a way does not itself.
    """
    names = list(ways)
    for name in names:
        ways[name]()
    finish()
    times: dict[str, list[float]] = {name: [] for name in names}
    for row in range(rounds):
        first = row % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            for _ in range(in_a_row):
                ways[name]()
            finish()
            times[name].append((time.perf_counter() - began) / in_a_row)
    return RoundTimes({name: tuple(own) for name, own in times.items()})
