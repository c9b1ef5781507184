"""Motion and schedule in settings and requests."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from groundcast.stream.control.answers import source_map
from groundcast.stream.control.source_settings import SourceSettings
from groundcast.stream.watch_options import MotionOptions, ScheduleOptions


def settings(**values: Any) -> SourceSettings:
    return SourceSettings(name="trap", url="rtsp://192.0.2.1/a", **values)


def test_an_empty_map_has_all_defaults() -> None:
    options = settings(motion={}).to_options()

    assert (options.motion, options.schedule) == (MotionOptions(), None)


def test_what_is_set_is_listed_as_it_was_written() -> None:
    motion = {
        "min_area": 0.01,
        "hold_s": 5.0,
        "look_every_s": 30.0,
        "ignore_px": [[[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]]],
    }
    schedule = {"hours": ["06:30-20:00", "22:00-24:00"], "light": "night", "place": [52.5, 13.4]}

    options = settings(motion=motion, schedule=schedule).to_options()

    assert options.schedule == ScheduleOptions(((390, 1200), (1320, 1440)), "night", (52.5, 13.4))
    listed = source_map(options)
    assert (listed["motion"], listed["schedule"]) == (motion, schedule)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"motion": {"min_area": 0.0}}, "greater than 0"),
        ({"motion": {"ignore_px": [[[0, 0], [1, 1]]]}}, "at least 3"),
        ({"motion": {"sensitivity": 3}}, "Extra inputs"),
        ({"schedule": {"hours": ["6-20"]}}, "such as 06:30-20:00"),
        ({"schedule": {"hours": ["06:00-24:01"]}}, "from 00:00 to 24:00"),
        ({"schedule": {"light": "night"}}, "together"),
        ({"schedule": {"light": "dusk", "place": [0, 0]}}, "'day' or 'night'"),
        ({"schedule": {"light": "day", "place": [91, 0]}}, "less than or equal to 90"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**values)
