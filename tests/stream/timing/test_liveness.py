from __future__ import annotations

import pytest

from groundcast.stream.timing import liveness as liveness_module
from groundcast.stream.timing.liveness import Liveness


class _Time:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic_ns(self) -> int:
        return int(self.now_s * 1e9)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> _Time:
    time = _Time()
    monkeypatch.setattr(liveness_module, "time", time)
    return time


def _run(time: _Time, seconds: float, interval_s: float, *, moved: bool = True, shown: bool = True) -> Liveness:
    liveness = Liveness(time.monotonic_ns(), time.monotonic_ns())
    for number in range(round(seconds / interval_s)):
        time.now_s += interval_s
        liveness.beat(moved=moved, is_key=number == 0)
        if shown:
            liveness.show()
    return liveness


def test_a_source_that_sends_pictures_does_not_stall(time: _Time) -> None:
    liveness = _run(time, 3.0, 0.04)
    assert (liveness.stall, liveness.doubt, liveness.blind_s) == (None, None, 0.0)


def test_a_silent_source_stalls_after_a_second(time: _Time) -> None:
    liveness = _run(time, 3.0, 0.04)
    time.now_s += 0.9
    assert liveness.stall is None
    time.now_s += 0.2
    assert liveness.stall == "no packet for 1.1 s"


def test_a_slow_source_stalls_after_five_of_its_intervals(time: _Time) -> None:
    liveness = _run(time, 10.0, 2.0)
    time.now_s += 9.0
    assert liveness.stall is None
    time.now_s += 2.0
    assert liveness.stall == "no packet for 11.0 s"


def test_one_long_pause_delays_the_next_stall_by_little(time: _Time) -> None:
    liveness = _run(time, 3.0, 0.1)
    time.now_s += 24.0
    liveness.beat(moved=True, is_key=False)
    liveness.show()
    time.now_s += 33.0
    assert liveness.stall is None
    time.now_s += 2.0
    assert liveness.stall == "no packet for 35.0 s"


def test_one_long_wait_for_a_picture_delays_the_next_stall_by_little(time: _Time) -> None:
    liveness = _run(time, 3.0, 0.1)
    time.now_s += 24.0
    liveness.beat(moved=True, is_key=False)
    liveness.show()
    for _ in range(350):
        time.now_s += 0.1
        liveness.beat(moved=True, is_key=False)
    assert liveness.stall == "packets come, but no picture for 35.0 s"


def test_timestamps_that_do_not_move_are_a_stall(time: _Time) -> None:
    assert _run(time, 2.0, 0.04, moved=False).stall == "packets come, but their times stand still for 2.0 s"


def test_packets_without_pictures_are_a_stall(time: _Time) -> None:
    liveness = _run(time, 3.0, 0.04, shown=False)
    assert liveness.stall == "packets come, but no picture for 3.0 s"
    assert liveness.doubt == "packets come, but no picture from them"


def test_packets_before_a_key_frame_are_named(time: _Time) -> None:
    liveness = Liveness(time.monotonic_ns(), time.monotonic_ns())
    liveness.beat(moved=True, is_key=False)
    assert liveness.doubt == "packets come, but no key frame yet"
