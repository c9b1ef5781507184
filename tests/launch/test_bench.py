"""Timing in turns: what is said of two ways that take known times."""

from __future__ import annotations

import time

import pytest

from groundcast.launch.bench_pairs import in_turns


def test_the_faster_one_is_so_many_times_as_fast() -> None:
    order: list[str] = []

    def quick() -> None:
        order.append("ours")
        time.sleep(0.01)

    def slow() -> None:
        order.append("theirs")
        time.sleep(0.04)

    measured = in_turns(quick, slow, 7)

    assert measured.ratio == pytest.approx(4.0, rel=0.3)
    assert measured.quartiles[0] <= measured.ratio <= measured.quartiles[1]
    assert measured.theirs_s > measured.ours_s >= 0.01
    assert len(order) == 2 + 14
    assert order[2:8] == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
