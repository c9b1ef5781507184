"""Place point: where an observation is relative to a zone or line, in pixels or in metres."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..position import Position
from ..zone import LineOptions, Point, ZoneOptions, from_above
from .observation import Observation
from .plane import box_point, shorter_side

MARGIN_SHARE = 0.1
"""How far from a border, as a share of its box's shorter side, an object must be before it counts as on a side."""
_MIN_MARGIN_PX = 1.0
_MIN_MARGIN_M = 0.01


class PlacePoint(NamedTuple):
    """The point that counts.

    Attributes:
        at: in the coordinates of the place's border.
        detected_at: the same of the box as it was detected; equal in metres.
        margin: how far from a border it must be to be clearly on one side of it.
    """

    at: Point
    detected_at: Point
    margin: float


def place_point(seen: Observation, place: ZoneOptions | LineOptions) -> PlacePoint | None:
    """The point of an observation that counts; None where the place is in metres and no position was measured."""
    if place.frame is None:
        margin_px = max(_MIN_MARGIN_PX, MARGIN_SHARE * shorter_side(seen.box_xyxy))
        at, detected_at = (box_point(box, place.point) for box in (seen.box_xyxy, seen.detected_xyxy))
        return PlacePoint(at, detected_at, margin_px)
    position = seen.position
    if position is None or position.frame != place.frame:
        return None
    at = from_above(position.xyz_m[:2])
    return PlacePoint(at, at, max(_MIN_MARGIN_M, _sigma_xy_m(position)))


def _sigma_xy_m(position: Position) -> float:
    """The standard deviation of (x, y) along its least certain direction."""
    xx, xy, _, yy, _, _ = position.covariance_m2
    largest = (xx + yy) / 2 + math.hypot((xx - yy) / 2, xy)
    return math.sqrt(max(0.0, largest))
