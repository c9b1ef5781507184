"""Rest watch: when one object that stood still stands still at another place."""

from __future__ import annotations

import math

from ..zone import Point
from .observation import Observation
from .plane import box_point

_REST_S = 2.0
_STILL_SHARE = 0.15  # of the box's mean side: it moves less than that while it rests
_MOVED_SHARE = 0.5  # and more than that from one resting place to the next


class RestWatch:
    """The resting places of one object."""

    def __init__(self) -> None:
        self._rest: Point | None = None
        self._since: Observation | None = None

    def observe(self, seen: Observation) -> Point | None:
        """Take the next detection; returns (x, y) from the old resting place when it rests at a new one."""
        at, side = box_point(seen.box_xyxy, "centre"), _mean_side(seen)
        if self._since is None or math.dist(at, box_point(self._since.box_xyxy, "centre")) > _STILL_SHARE * side:
            self._since = seen
            return None
        if seen.time_s - self._since.time_s < _REST_S:
            return None
        before = self._rest
        if before is None or math.dist(at, before) > _MOVED_SHARE * side:
            self._rest = at
            return None if before is None else (at[0] - before[0], at[1] - before[1])
        return None


def _mean_side(seen: Observation) -> float:
    left, top, right, bottom = seen.box_xyxy
    return (right - left + bottom - top) / 2
