"""When a source's pictures are detected in: while something moves, and at which times of day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Polygon = tuple[tuple[float, float], ...]
Light = Literal["day", "night"]


@dataclass(frozen=True, slots=True)
class MotionOptions:
    """Detect while something moves.

    Args:
        min_area: the smallest part of the picture that must move, 0..1.
        hold_s: how long pictures are still detected in after the last motion.
        look_every_s: without motion, one picture in so many seconds is detected in, to find what stands still.
        ignore_px: areas where motion does not count, as polygons in px of the original picture.
    """

    min_area: float = 0.0015
    hold_s: float = 3.0
    look_every_s: float = 60.0
    ignore_px: tuple[Polygon, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleOptions:
    """Detect at these times only. Both rules must hold.

    Args:
        hours: spans of local time, in minutes since midnight; one whose end is not after its beginning crosses
            midnight. Empty for all hours.
        light: while the sun is up at `place`, or while it is down; None for both.
        place: latitude and longitude in degrees, north and east positive.
    """

    hours: tuple[tuple[int, int], ...] = ()
    light: Light | None = None
    place: tuple[float, float] | None = None
