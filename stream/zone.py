"""Zones and lines of a source: where objects are counted, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

BoxPoint = Literal["centre", "bottom", "any", "position"]
LinePoint = Literal["centre", "bottom", "position"]
ObjectEventKind = Literal["appear", "disappear", "moved"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ZoneOptions:
    """An area in which objects are counted: in pixels of the picture, or in metres of the source's geometry.

    Args:
        name: unique among the zones and lines of a source.
        polygon_px: its corners, px of the original picture; empty for a zone in metres.
        phrases: which phrases count; empty for all.
        point: which point of the box must be inside: its centre, the middle of its lower side, or any part of it; of a
            zone in metres the track's position.
        settle_s: how long an object must stay on the new side of the border, or a count keep its value, before it
            counts.
        dwell_s: an object that stays for so long makes an event; None for none.
        frame: the coordinate frame of a zone in metres; None for one in pixels.
        polygon_m: its corners (x, y) in that frame.
    """

    name: str
    polygon_px: tuple[Point, ...] = ()
    phrases: tuple[str, ...] = ()
    point: BoxPoint = "centre"
    settle_s: float = 0.2
    dwell_s: float | None = None
    frame: str | None = None
    polygon_m: tuple[Point, ...] = ()

    @property
    def border(self) -> tuple[Point, ...]:
        """Its corners as a picture shows them, y downwards: in px, or in metres seen from above."""
        return self.polygon_px if self.frame is None else tuple(map(from_above, self.polygon_m))


@dataclass(frozen=True, slots=True)
class LineOptions:
    """A line across which objects are counted; `in` is from the left of its direction to the right.

    Args:
        name: unique among the zones and lines of a source.
        points_px: where it begins and ends, px of the original picture; empty for a line in metres.
        phrases: which phrases count; empty for all.
        point: which point of the box must cross; of a line in metres the track's position.
        settle_s: how long an object must stay beyond the line before the crossing counts.
        frame: the coordinate frame of a line in metres; None for one in pixels.
        points_m: where it begins and ends, (x, y) in that frame. Left and right are as seen from above (+z).
    """

    name: str
    points_px: tuple[Point, ...] = ()
    phrases: tuple[str, ...] = ()
    point: LinePoint = "centre"
    settle_s: float = 0.2
    frame: str | None = None
    points_m: tuple[Point, ...] = ()

    @property
    def ends(self) -> tuple[Point, Point]:
        """Where it begins and ends as a picture shows it, y downwards: in px, or in metres seen from above."""
        begin, end = self.points_px if self.frame is None else map(from_above, self.points_m)
        return begin, end


def from_above(point: Point) -> Point:
    """A point (x, y) in metres as a picture from above shows it: y downwards."""
    return point[0], -point[1]


def metric_fault(places: Iterable[ZoneOptions | LineOptions], frame: str | None) -> str | None:
    """Why zones and lines in metres cannot count with positions in this frame, None for no positions; or None."""
    place = next((one for one in places if one.frame not in (None, frame)), None)
    if place is None:
        return None
    kind = "zone" if isinstance(place, ZoneOptions) else "line"
    if frame is None:
        return (
            f"{kind} {place.name!r} is in metres, but the source has no geometry that gives positions: "
            "set `geometry`, or give the points in px"
        )
    return f"{kind} {place.name!r} is in frame {place.frame!r}, but the positions are in frame {frame!r}: name that one"
