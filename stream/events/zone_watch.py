"""Zone watch: when one object has entered or left one zone, and how long it stays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..track import Box
from ..zone import Point, ZoneOptions
from .observation import Observation
from .place_point import PlacePoint, place_point
from .plane import box_depth_in, depth_in, share_to_border

_MOMENT_S = 1e-6
_MAX_DETOUR = 1.2  # a way this many times as long as the straight one is straight


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """What an object did in a zone.

    Args:
        kind: what it was.
        seen: the detection at which it began.
        seconds: of leave and dwell: how long it was inside.
        unseen: of enter: it was first seen inside; of leave: it was last seen inside.
    """

    kind: Literal["enter", "leave", "dwell"]
    seen: Observation
    seconds: float | None = None
    unseen: bool = False


class ZoneWatch:
    """Whether one object is inside one zone. It changes sides once it is clearly on the other one for `settle_s`.

    An object that is detected inside for a shorter time, such as once, has been inside if it went straight through, and
    its way between the detections says that it took `settle_s`.

    Attributes:
        is_inside: whether it counts as inside.
    """

    def __init__(self, options: ZoneOptions) -> None:
        self.options = options
        self._border = options.border
        self.is_inside = False
        self._was_outside = False
        self._other_side: Observation | None = None  # the first detection there
        self._last: Observation | None = None
        self._last_outside: Observation | None = None  # of those clearly there
        self._last_inside: Observation | None = None
        self._entered_s = 0.0
        self._has_dwelt = False

    def observe(self, seen: Observation) -> Iterator[ZoneChange]:
        """Take the next detection."""
        point = place_point(seen, self.options)
        if point is None:
            return
        is_inside = self._side_of_both(seen, point)
        self._last = seen
        if is_inside is False and not self.is_inside and self._other_side is not None:
            yield from self._passage(self._other_side, seen)
        if (change := self._change(is_inside, seen)) is not None:
            yield change
        if is_inside is not None:
            self._last_inside, self._last_outside = (seen, self._last_outside) if is_inside else (None, seen)

    def _change(self, is_inside: bool | None, seen: Observation) -> ZoneChange | None:
        if is_inside is None or is_inside == self.is_inside:
            self._other_side = None if is_inside is not None else self._other_side
            self._was_outside |= is_inside is False
            return self._dwell(seen)
        self._other_side = self._other_side or seen
        if seen.time_s - self._other_side.time_s < self.options.settle_s - _MOMENT_S:
            return None
        first, self._other_side = self._other_side, None
        self.is_inside = is_inside
        if not is_inside:
            self._was_outside = True
            return ZoneChange("leave", first, max(0.0, first.time_s - self._entered_s))
        self._entered_s, self._has_dwelt = first.time_s, False
        return ZoneChange("enter", first, unseen=not self._was_outside)

    def end(self) -> ZoneChange | None:
        """The object is gone."""
        if not self.is_inside or self._last is None:
            return None
        self.is_inside = False
        return ZoneChange("leave", self._last, max(0.0, self._last.time_s - self._entered_s), unseen=True)

    def _passage(self, first: Observation, after: Observation) -> Iterator[ZoneChange]:
        """What an object did that was found inside from `first` on, but not for long, and is outside now."""
        before, last = self._last_outside, self._last_inside
        if before is None or last is None:
            return
        start, middle, end = (self._at(one) for one in (before, first, after))
        if math.dist(start, middle) + math.dist(middle, end) > _MAX_DETOUR * math.dist(start, end):
            return
        inside_s = self._border_s(last, after) - self._border_s(before, first)
        if inside_s >= self.options.settle_s - _MOMENT_S:
            yield ZoneChange("enter", first)
            yield ZoneChange("leave", after, after.time_s - first.time_s)

    def _border_s(self, one: Observation, then: Observation) -> float:
        """When an object at a steady speed passes the border between two detections."""
        share = share_to_border(self._at(one), self._at(then), self._border)
        return one.time_s + (then.time_s - one.time_s) * share

    def _at(self, seen: Observation) -> Point:
        point = place_point(seen, self.options)
        assert point is not None, "only observations that have one are kept"
        return point.at

    def _dwell(self, seen: Observation) -> ZoneChange | None:
        dwell_s = self.options.dwell_s
        if not self.is_inside or self._has_dwelt or dwell_s is None or seen.time_s - self._entered_s < dwell_s:
            return None
        self._has_dwelt = True
        return ZoneChange("dwell", seen, seen.time_s - self._entered_s)

    def _side_of_both(self, seen: Observation, point: PlacePoint) -> bool | None:
        """Whether both its smoothed and its detected box are clearly inside; None where they differ."""
        smoothed = self._side(seen.box_xyxy, point.at, point.margin)
        detected = self._side(seen.detected_xyxy, point.detected_at, point.margin)
        return smoothed if smoothed == detected or self._last is None else None

    def _side(self, box: Box, at: Point, margin: float) -> bool | None:
        """Whether a box, or the point that counts, is clearly inside; None on the border.

        The first detection decides for a side.
        """
        depth = box_depth_in(box, self._border, margin) if self.options.point == "any" else depth_in(at, self._border)
        if abs(depth) <= margin:
            return depth > 0.0 if self._last is None else None
        return depth > 0.0
