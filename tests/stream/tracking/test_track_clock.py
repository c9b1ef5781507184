from __future__ import annotations

import math

import pytest

from groundcast.stream.tracking.track_clock import TrackClock


def _clock(*times_s: float) -> TrackClock:
    clock = TrackClock()
    for time_s in times_s:
        clock.advance(time_s)
    return clock


def test_the_clock_begins_at_zero_and_adds_up_the_steps() -> None:
    clock = _clock(7.0)
    assert (clock.now_s, clock.step_s, clock.usual_step_s) == (0.0, 0.0, None)
    clock.advance(7.5)
    assert (clock.now_s, clock.step_s, clock.usual_step_s) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("odd_s", [0.0, math.nan, math.inf, -math.inf])
def test_a_time_that_runs_back_or_is_no_number_counts_as_one_usual_step(odd_s: float) -> None:
    clock = _clock(1.0, 1.25, 1.5, odd_s)
    assert (clock.now_s, clock.step_s) == (0.75, 0.25)


def test_equal_times_are_a_step_of_zero() -> None:
    clock = _clock(1.0, 1.25, 1.25)
    assert (clock.now_s, clock.step_s, clock.usual_step_s) == (0.25, 0.0, 0.25)


def test_one_long_gap_does_not_change_the_usual_step() -> None:
    assert _clock(0.0, 0.25, 0.5, 100.0).usual_step_s == 0.25
