"""Timing in turns: what is said of two ways that take known times."""

from __future__ import annotations

import pytest

from groundcast.launch import bench_pairs
from groundcast.launch.bench_pairs import in_turns


def test_the_faster_one_is_so_many_times_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, order = [0.0], list[str]()
    monkeypatch.setattr(bench_pairs, "time", type("Clock", (), {"perf_counter": staticmethod(lambda: now_s[0])}))

    def quick() -> None:
        order.append("ours")
        now_s[0] += 0.25 if len(order) < 9 else 0.5  # the machine slows down, for both

    def slow() -> None:
        order.append("theirs")
        now_s[0] += 1.0 if len(order) < 9 else 2.0

    measured = in_turns(quick, slow, 7)

    assert (measured.ratio, measured.quartiles) == (4.0, (4.0, 4.0))
    assert (measured.ours_s, measured.theirs_s, measured.pairs) == (0.5, 2.0, 7)
    assert order[2:8] == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
