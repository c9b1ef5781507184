"""Bursts of a soak's floods: what each cost an honest camera, and how soon the node was back to normal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

MIN_SHARE = 0.9
"""Of its messages beside the bursts, how many the honest camera must still send during them."""

NORMAL_WITHIN_S = 2.0
"""After its end clients must be answered as soon as before it."""


@dataclass(frozen=True)
class Burst:
    """One flood.

    Args:
        port: what was flooded.
        began_s, ended_s: monotonic.
        calm_s: how long before it the health page, the control socket and a new subscriber of the honest camera took
            to answer, one after the other.
        normal_s: after its end, when they had answered; None if that took longer than was waited for.
    """

    port: str
    began_s: float
    ended_s: float
    calm_s: float | None
    normal_s: float | None


def honest_share(arrived_s: Sequence[float], bursts: Sequence[Burst]) -> float | None:
    """Messages during all bursts, as a share of those in equally long windows just before and just after each.

    Args:
        arrived_s: when each message of the honest camera came, monotonic, ascending.
        bursts: those without a window before or after them, where the run began or ended, do not count.

    Returns:
        The share; None where no burst counts.
    """
    if not arrived_s:
        return 0.0 if bursts else None
    during, beside = 0, 0
    for burst in bursts:
        length_s = burst.ended_s - burst.began_s
        first_s, last_s = burst.began_s - length_s, burst.ended_s + length_s
        if first_s < arrived_s[0] or last_s > arrived_s[-1]:
            continue
        during += _between(arrived_s, burst.began_s, burst.ended_s)
        beside += _between(arrived_s, first_s, burst.began_s) + _between(arrived_s, burst.ended_s, last_s)
    return 2 * during / beside if beside else None


def burst_faults(arrived_s: Sequence[float], bursts: Sequence[Burst]) -> list[str]:
    """What is wrong with what a run's bursts cost, a sentence each."""
    share = honest_share(arrived_s, bursts)
    found = [] if share is None or share >= MIN_SHARE else [f"the honest camera kept {share:.0%} of its rate in floods"]
    for burst in bursts:
        if burst.normal_s is None or burst.normal_s > NORMAL_WITHIN_S + (burst.calm_s or 0.0):
            told = "later than was waited for" if burst.normal_s is None else f"after {burst.normal_s:.1f} s"
            found.append(f"the node was back to normal {told} when the flood of its {burst.port} port ended")
    return found


def _between(arrived_s: Sequence[float], begin_s: float, end_s: float) -> int:
    return bisect_left(arrived_s, end_s) - bisect_left(arrived_s, begin_s)
