"""Says of a long run's samples whether anything grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

MAX_GROWTH_MB = 5.0
MAX_SLOPE_MB_PER_H = 10.0
# Memory that is handed back late looks like growth for minutes: a slope over less than this says nothing.
SLOPE_NEEDS_S = 600.0
_PAIRED_SAMPLES = 240
_MAX_RATIO = 1.02  # cameras that come and go move the count at rest by as much


@dataclass(frozen=True)
class Sample:
    """What the system counts for a process at one moment."""

    at_s: float
    rss_mb: float
    files: int
    threads: int


@dataclass(frozen=True)
class Verdict:
    """What grew between the middle third of the run and its last.

    Args:
        growth_mb: the median of resident memory in the last third minus that in the middle third.
        slope_mb_per_h: of resident memory over both (Theil-Sen: the median of all pairs' slopes, which a few
            outliers do not move); None where the run was too short to tell.
        files, threads: how many are there at rest (the lowest tenth), in the middle third and in the last.
    """

    growth_mb: float
    slope_mb_per_h: float | None
    files: tuple[int, int]
    threads: tuple[int, int]

    @property
    def faults(self) -> list[str]:
        found: list[str] = []
        if self.growth_mb > MAX_GROWTH_MB:
            found.append(f"memory grew by {self.growth_mb:.1f} MB from the middle third to the last")
        if self.slope_mb_per_h is not None and self.slope_mb_per_h > MAX_SLOPE_MB_PER_H:
            found.append(f"memory grows by {self.slope_mb_per_h:.1f} MB an hour")
        for name, (middle, last) in (("file descriptors", self.files), ("threads", self.threads)):
            if last > middle * _MAX_RATIO:
                found.append(f"{name} at rest grew from {middle} to {last}")
        return found


def judge(samples: Sequence[Sample]) -> Verdict:
    """Compare the last third of a run with its middle third; the first is for warming up."""
    began_s, ended_s = samples[0].at_s, samples[-1].at_s
    third_s = (ended_s - began_s) / 3
    middle = [one for one in samples if began_s + third_s <= one.at_s < began_s + 2 * third_s]
    last = [one for one in samples if one.at_s >= began_s + 2 * third_s]
    slope = _slope_mb_per_h([*middle, *last]) if 2 * third_s >= SLOPE_NEEDS_S else None
    return Verdict(
        growth_mb=median(one.rss_mb for one in last) - median(one.rss_mb for one in middle),
        slope_mb_per_h=slope,
        files=(_at_rest([one.files for one in middle]), _at_rest([one.files for one in last])),
        threads=(_at_rest([one.threads for one in middle]), _at_rest([one.threads for one in last])),
    )


def _at_rest(counts: Sequence[int]) -> int:
    return sorted(counts)[len(counts) // 10]


def _slope_mb_per_h(samples: Sequence[Sample]) -> float:
    few = samples[:: max(1, len(samples) // _PAIRED_SAMPLES)]
    return 3600 * median((b.rss_mb - a.rss_mb) / (b.at_s - a.at_s) for a, b in combinations(few, 2))
