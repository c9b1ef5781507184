"""Line watch: when one object has crossed one line, and which way."""

from __future__ import annotations

from ..event import Direction
from ..zone import LineOptions, Point
from .observation import Observation
from .place_point import PlacePoint, place_point
from .plane import distance_to_segment, side_crossed


class LineWatch:
    """The way of one object, relative to one line.

    Steps between detections that cross the line are summed up with their signs. Once the object is clearly off the
    line, for `settle_s`, a sum other than 0 is one crossing. An object that was never clearly off the line before, such
    as one that was born on it, crosses nothing. It is clearly off the line where its smoothed box and the detected one
    both are, on the same side.
    """

    def __init__(self, options: LineOptions) -> None:
        self.options = options
        self._ends = options.ends
        self._at: Point | None = None
        self._is_settled = False
        self._sum = 0
        self._crossed: Observation | None = None
        self._beyond_since_s: float | None = None
        self._is_beyond = False

    def observe(self, seen: Observation) -> tuple[Direction, Observation] | None:
        """Take the next detection; returns the direction, and the first detection beyond the line, of a crossing."""
        point = place_point(seen, self.options)
        if point is None:
            return None
        step = 0 if self._at is None else side_crossed(self._at, point.at, *self._ends)
        if step:
            self._sum += step
            self._crossed, self._beyond_since_s = seen, None
        self._at = point.at
        self._is_beyond = self._is_clear(point)
        if not self._is_beyond:
            self._beyond_since_s = None
            return None
        if self._sum == 0 or not self._is_settled:
            self._is_settled, self._sum = True, 0
            return None
        self._beyond_since_s = seen.time_s if self._beyond_since_s is None else self._beyond_since_s
        settled = seen.time_s - self._beyond_since_s >= self.options.settle_s - 1e-6
        return self._crossing() if settled else None

    def end(self) -> tuple[Direction, Observation] | None:
        """The object is gone: a crossing that has not settled counts if it was last seen clearly beyond the line."""
        return self._crossing() if self._is_settled and self._sum and self._is_beyond else None

    def _is_clear(self, point: PlacePoint) -> bool:
        start, end = self._ends
        if side_crossed(point.detected_at, point.at, start, end):
            return False
        return min(distance_to_segment(at, start, end) for at in (point.at, point.detected_at)) > point.margin

    def _crossing(self) -> tuple[Direction, Observation]:
        assert self._crossed is not None, "a sum other than 0 has a step"
        direction: Direction = "in" if self._sum > 0 else "out"
        crossed, self._sum = self._crossed, 0
        return direction, crossed
