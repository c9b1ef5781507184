"""Schedules: hours of the day, day and night."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from groundcast.stream.motion.schedule import is_scheduled
from groundcast.stream.motion.sun import HORIZON_DEG, sun_height_deg
from groundcast.stream.watch_options import ScheduleOptions

BERLIN = (52.52, 13.41)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e9)


@pytest.mark.parametrize(
    ("clock", "expected"), [("05:59", False), ("06:00", True), ("19:59", True), ("20:00", False), ("23:30", True)]
)
def test_hours_are_spans_of_the_day(clock: str, expected: bool) -> None:
    options = ScheduleOptions(hours=((360, 1200), (1380, 60)))

    assert is_scheduled(options, at(f"2026-05-03 {clock}")) == expected
    assert is_scheduled(options, at("2026-05-04 00:30"))


# Sunrise and sunset of the astronomical tables: Berlin 2026-06-21 at 02:43 and 19:33 UTC, Sydney 2026-12-21 at
# 18:41 (of the day before) and 09:05, Quito at the equinox about 06:20 and 18:20 local time (UTC-5).
@pytest.mark.parametrize(
    ("place", "rise", "set_"),
    [
        (BERLIN, "2026-06-21 02:43", "2026-06-21 19:33"),
        ((-33.87, 151.21), "2026-12-20 18:41", "2026-12-21 09:05"),
        ((-0.18, -78.47), "2026-03-20 11:18", "2026-03-20 23:25"),
    ],
)
def test_the_sun_rises_and_sets_when_tables_say(place: tuple[float, float], rise: str, set_: str) -> None:
    for moment, sign in ((at(rise), 1), (at(set_), -1)):
        before, after = (sun_height_deg(moment / 1e9 + sign * late_s, *place) for late_s in (-360, 360))
        assert before < HORIZON_DEG < after


def test_night_is_when_the_sun_is_down() -> None:
    night, day = ScheduleOptions(light="night", place=BERLIN), ScheduleOptions(light="day", place=BERLIN)

    for text, is_day in (("2026-06-21 11:00", True), ("2026-06-21 23:00", False)):
        assert is_scheduled(day, at(text)) is is_day
        assert is_scheduled(night, at(text)) is not is_day
