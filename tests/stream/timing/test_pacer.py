from __future__ import annotations

import pytest

from groundcast.stream.timing import pacer as pacer_module
from groundcast.stream.timing.pacer import Pacer


class _Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.pauses_s: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> bool:
        self.pauses_s.append(seconds)
        self.now_s += seconds
        return False


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> _Time:
    time = _Time()
    monkeypatch.setattr(pacer_module, "time", time)
    return time


def test_packets_wait_until_they_are_due(time: _Time) -> None:
    pacer = Pacer(time.pause)
    assert all(pacer.wait_for(media_s) for media_s in (5.0, 5.5, 5.75))
    assert time.pauses_s == pytest.approx([0.5, 0.25])


def test_a_reader_that_is_late_continues_without_catching_up(time: _Time) -> None:
    pacer = Pacer(time.pause)
    pacer.wait_for(0.0)
    time.now_s += 10.0
    pacer.wait_for(1.0)
    pacer.wait_for(1.5)
    assert time.pauses_s == pytest.approx([0.5])


def test_a_jump_in_the_timestamps_is_not_waited_for(time: _Time) -> None:
    pacer = Pacer(time.pause, max_gap_s=10.0)
    pacer.wait_for(0.0)
    pacer.wait_for(3600.0)
    assert time.pauses_s == []


def test_a_wait_that_is_cut_short_ends_the_reading() -> None:
    pacer = Pacer(lambda _: True)
    assert pacer.wait_for(0.0)
    assert not pacer.wait_for(5.0)
