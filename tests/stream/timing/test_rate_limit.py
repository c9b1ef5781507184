from __future__ import annotations

import random
from itertools import pairwise

import pytest

from groundcast.stream.timing.rate_limit import RateLimit


def _taken(times_s: list[float], target_hz: float | None) -> list[float]:
    thinner = RateLimit()
    return [time_s for time_s in times_s if thinner.takes(time_s, target_hz)]


@pytest.mark.parametrize("target_hz", [0.5, 3.0, 10.0, 24.0, 25.0])
def test_the_wanted_rate_is_kept_evenly_and_not_exceeded(target_hz: float) -> None:
    taken = _taken([number / 25 for number in range(2500)], target_hz)  # 100 s
    assert len(taken) == pytest.approx(100 * target_hz, abs=1)
    steps_s = [later - earlier for earlier, later in pairwise(taken)]
    assert max(steps_s) - min(steps_s) < 0.05


def test_a_source_no_faster_than_wanted_keeps_every_picture_though_its_times_are_rounded() -> None:
    rounded = [round(number / 30, 3) for number in range(3000)]
    assert _taken(rounded, 30.0) == rounded
    assert _taken(rounded, 200.0) == rounded


def test_without_a_wish_everything_is_taken() -> None:
    assert _taken([0.0, 0.001, 0.002], None) == [0.0, 0.001, 0.002]


def test_a_pause_is_not_made_up_for() -> None:
    times_s = [*(number / 25 for number in range(25)), *(60.0 + number / 25 for number in range(25))]
    assert len(_taken(times_s, 5.0)) == 10


def test_uneven_times_do_not_exceed_the_rate_for_long() -> None:
    times_s = sorted(random.uniform(0.0, 50.0) for _ in range(3000))
    taken = _taken(times_s, 10.0)
    assert 480 <= len(taken) <= 501


def test_another_wish_counts_from_the_next_picture_on() -> None:
    thinner = RateLimit()
    wishes = [0.1] * 50 + [25.0] * 50
    taken = [number for number, hz in enumerate(wishes) if thinner.takes(number / 25, hz)]
    assert taken == [0, *range(50, 100)]
