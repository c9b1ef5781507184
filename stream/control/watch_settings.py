"""Settings of motion and schedule: their keys, and how they are checked."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..watch_options import Light, MotionOptions, Polygon, ScheduleOptions

_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_MAX_PX = 100_000.0


def _polygon(corners: Polygon) -> Polygon:
    if not all(0.0 <= side <= _MAX_PX for corner in corners for side in corner):
        raise ValueError("have corners in px of the original picture, 0 or more")
    return corners


def _hours(text: str) -> str:
    _span(text)
    return text


def _span(text: str) -> tuple[int, int]:
    """Two times of day in minutes since midnight."""
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("be two times of day such as 06:30-20:00")
    hour, minute, end_hour, end_minute = (int(part) for part in found.groups())
    begin, end = 60 * hour + minute, 60 * end_hour + end_minute
    if max(begin, end) > 1440 or max(minute, end_minute) > 59 or begin == end:
        raise ValueError("be two different times of day from 00:00 to 24:00, such as 06:30-20:00")
    return begin % 1440, end


class _Keys(BaseModel):
    """A map of known keys and finite numbers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class MotionSettings(_Keys):
    """Detect while something moves; `motion: {}` has all defaults."""

    min_area: Annotated[float, Field(gt=0, le=1)] = 0.0015
    hold_s: Annotated[float, Field(ge=0, le=3600)] = 3.0
    look_every_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    ignore_px: Annotated[
        tuple[Annotated[Polygon, Field(min_length=3, max_length=64), AfterValidator(_polygon)], ...],
        Field(max_length=64),
    ] = ()

    def to_options(self) -> MotionOptions:
        return MotionOptions(**self.model_dump())


class ScheduleSettings(_Keys):
    """Detect at these times only."""

    hours: Annotated[tuple[Annotated[str, AfterValidator(_hours)], ...], Field(max_length=24)] = ()
    light: Light | None = None
    place: tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]] | None = None

    @model_validator(mode="after")
    def _has_a_place(self) -> ScheduleSettings:
        if (self.light is None) != (self.place is None):
            raise ValueError("name `light` (day or night) and `place` (latitude, longitude) together, or neither")
        return self

    def to_options(self) -> ScheduleOptions:
        return ScheduleOptions(tuple(_span(text) for text in self.hours), self.light, self.place)


def watch_options(given: dict[str, Any], settings: BaseModel) -> dict[str, Any]:
    """`given`, the values of a source's settings, with the options of motion and schedule in their place."""
    for key in ("motion", "schedule"):
        chosen: MotionSettings | ScheduleSettings | None = getattr(settings, key, None)
        if key in given and chosen is not None:
            given[key] = chosen.to_options()
    return given
