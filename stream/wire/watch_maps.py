"""Motion and schedule of a source as maps, with the keys of a settings file."""

from __future__ import annotations

from dataclasses import asdict

from ..options import SourceOptions


def watch_maps(options: SourceOptions) -> dict[str, object]:
    """The motion and the schedule of a source with the keys of a settings file, where it has them."""
    maps: dict[str, object] = {}
    if (motion := options.motion) is not None:
        areas = [[list(corner) for corner in polygon] for polygon in motion.ignore_px]
        maps["motion"] = {**asdict(motion), "ignore_px": areas}
    if (schedule := options.schedule) is not None:
        hours = [f"{_clock(begin)}-{_clock(end)}" for begin, end in schedule.hours]
        light = {} if schedule.place is None else {"light": schedule.light, "place": list(schedule.place)}
        maps["schedule"] = {"hours": hours, **light}
    return maps


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
