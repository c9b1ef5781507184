"""The soak's own check: it must see what grows, and nothing where nothing does."""

from __future__ import annotations

import random

import pytest

from .soak_verdict import Sample, Verdict, judge

MINUTES = 30


def half_an_hour(leak_mb_per_h: float = 0.0, more_files_after_s: float = 1e9, minutes: float = MINUTES) -> Verdict:
    """A node that warms up for five minutes, whose memory fluctuates by a few MB and whose cameras come and go."""
    dice = random.Random(7)
    fluctuation, samples = 0.0, list[Sample]()
    for at_s in range(0, int(minutes * 60), 2):
        fluctuation = 0.98 * fluctuation + dice.gauss(0.0, 0.3)
        warm = 60.0 * min(1.0, at_s / 300)
        lost_cameras = dice.choice((0, 0, 0, 1, 2))
        files = 40 + lost_cameras + (1 if at_s > more_files_after_s else 0)
        memory = 500.0 + warm + fluctuation + leak_mb_per_h * at_s / 3600
        samples.append(Sample(float(at_s), memory, files, 30 + lost_cameras))
    return judge(samples)


def test_a_node_that_does_not_grow_is_let_pass() -> None:
    assert half_an_hour().faults == []


@pytest.mark.parametrize("leak_mb_per_h", [20.0, 60.0])
def test_a_leak_is_caught(leak_mb_per_h: float) -> None:
    assert "memory grows by" in " ".join(half_an_hour(leak_mb_per_h).faults)


def test_a_descriptor_that_is_never_closed_is_caught() -> None:
    assert half_an_hour(more_files_after_s=1150.0).faults == ["file descriptors at rest grew from 40 to 41"]


def test_a_short_run_tells_no_slope() -> None:
    assert half_an_hour(20.0, minutes=5).slope_mb_per_h is None
