"""Schedule: whether a source is detected in at a moment, by the clock and by the sun."""

from __future__ import annotations

from datetime import datetime

from ..watch_options import ScheduleOptions
from .sun import HORIZON_DEG, sun_height_deg


def is_scheduled(options: ScheduleOptions, unix_ns: int) -> bool:
    """Whether a moment lies in the schedule. Hours are those of this computer's time zone."""
    unix_s = unix_ns / 1e9
    if options.hours:
        local = datetime.fromtimestamp(unix_s).astimezone()
        minute = local.hour * 60 + local.minute
        if not any(_contains(span, minute) for span in options.hours):
            return False
    if options.light is None or options.place is None:
        return True
    return (sun_height_deg(unix_s, *options.place) > HORIZON_DEG) == (options.light == "day")


def _contains(span: tuple[int, int], minute: int) -> bool:
    begin, end = span
    return begin <= minute < end if begin < end else minute >= begin or minute < end
