"""Plane geometry of zones and lines: distances to borders, and which way a step crosses a line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..track import Box
from ..zone import BoxPoint, Point


def box_point(box: Box, point: BoxPoint) -> Point:
    """The point of a box that stands for it; for `any` its centre."""
    left, top, right, bottom = box
    return (left + right) / 2, bottom if point == "bottom" else (top + bottom) / 2


def shorter_side(box: Box) -> float:
    """The shorter side of a box."""
    return min(box[2] - box[0], box[3] - box[1])


def distance_to_segment(point: Point, start: Point, end: Point) -> float:
    """The distance from a point to the nearest point of a segment."""
    along = (end[0] - start[0], end[1] - start[1])
    square = along[0] ** 2 + along[1] ** 2
    share = 0.0
    if square > 0.0:
        share = ((point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]) / square
    share = min(max(share, 0.0), 1.0)
    return math.dist(point, (start[0] + share * along[0], start[1] + share * along[1]))


def depth_in(point: Point, polygon: Sequence[Point]) -> float:
    """The distance from a point to the border of a polygon: positive inside, negative outside."""
    edges = list(zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    distance = min(distance_to_segment(point, start, end) for start, end in edges)
    return distance if _is_inside(point, edges) else -distance


def box_depth_in(box: Box, polygon: Sequence[Point], margin: float) -> float:
    """How deep any part of a box reaches into a polygon: above `margin`, below -`margin`, or 0 between the two."""
    if _touches(_grown(box, -margin), polygon):
        return math.inf
    return 0.0 if _touches(_grown(box, margin), polygon) else -math.inf


def side_crossed(before: Point, after: Point, start: Point, end: Point) -> int:
    """Which way a step from `before` to `after` crosses a segment: 1 from its left to its right, -1 back, 0 not at all.

    A point on the line counts as to its right, so that no two steps cross where one does.
    """
    was_right, is_right = _side(before, start, end) >= 0.0, _side(after, start, end) >= 0.0
    if was_right == is_right:
        return 0
    at_start, at_end = _side(start, before, after), _side(end, before, after)
    if (at_start > 0.0) == (at_end > 0.0) and at_start != 0.0 and at_end != 0.0:
        return 0  # it goes round an end
    return 1 if is_right else -1


def share_to_border(start: Point, end: Point, polygon: Sequence[Point]) -> float:
    """After which share of a way it meets the border of a polygon; a half where it does not."""
    edges = zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    sides = [(_side(start, *edge), _side(end, *edge)) for edge in edges if side_crossed(start, end, *edge)]
    return min((before / (before - after) for before, after in sides), default=0.5)


def _side(point: Point, start: Point, end: Point) -> float:
    """Positive to the right of the way from `start` to `end`, as a picture shows it: y points down."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _is_inside(point: Point, edges: Sequence[tuple[Point, Point]]) -> bool:
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in edges:
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


def _grown(box: Box, margin: float) -> Box:
    left, top, right, bottom = box
    return left - margin, top - margin, right + margin, bottom + margin


def _touches(box: Box, polygon: Sequence[Point]) -> bool:
    """Whether a box and a polygon share a point."""
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return False
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    edges = list(zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    if any(_is_inside(corner, edges) for corner in corners):
        return True
    if any(left <= x <= right and top <= y <= bottom for x, y in polygon):
        return True
    sides = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    return any(side_crossed(*side, *edge) and side_crossed(*edge, *side) for side in sides for edge in edges)
