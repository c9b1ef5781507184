"""Zones and lines of a source: where objects are counted, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BoxPoint = Literal["centre", "bottom", "any"]
LinePoint = Literal["centre", "bottom"]
ObjectEventKind = Literal["appear", "disappear", "moved"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ZoneOptions:
    """An area in which objects are counted.

    Args:
        name: unique among the zones and lines of a source.
        polygon_px: its corners, px of the original picture.
        phrases: which phrases count; empty for all.
        point: which point of the box must be inside: its centre, the middle of its lower side, or any part of it.
        settle_s: how long an object must stay on the new side of the border, or a count keep its value, before it
            counts.
        dwell_s: an object that stays for so long makes an event; None for none.
    """

    name: str
    polygon_px: tuple[Point, ...]
    phrases: tuple[str, ...] = ()
    point: BoxPoint = "centre"
    settle_s: float = 0.2
    dwell_s: float | None = None


@dataclass(frozen=True, slots=True)
class LineOptions:
    """A line across which objects are counted; `in` is from the left of its direction to the right.

    Args:
        name: unique among the zones and lines of a source.
        points_px: where it begins and ends, px of the original picture.
        phrases: which phrases count; empty for all.
        point: which point of the box must cross.
        settle_s: how long an object must stay beyond the line before the crossing counts.
    """

    name: str
    points_px: tuple[Point, Point]
    phrases: tuple[str, ...] = ()
    point: LinePoint = "centre"
    settle_s: float = 0.2
