from __future__ import annotations

import pytest

from groundcast.stream import rate as rate_module
from groundcast.stream.rate import RateMeter


class _Time:
    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> _Time:
    time = _Time()
    monkeypatch.setattr(rate_module, "time", time)
    return time


def test_the_rate_is_that_of_the_last_events_and_falls_when_they_stop(time: _Time) -> None:
    meter = RateMeter()
    for _ in range(51):
        time.now_s += 0.04
        meter.mark()
    assert meter.rate_hz == pytest.approx(25.0)
    time.now_s += 2.04
    assert meter.rate_hz == pytest.approx(12.5)
    time.now_s += 5.0
    assert meter.rate_hz == 0.0


def test_one_event_has_no_rate(time: _Time) -> None:
    meter = RateMeter()
    meter.mark()
    assert meter.rate_hz == 0.0
