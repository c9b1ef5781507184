"""Re-linking: which lost object a new track continues, by place, time and the way that it came."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..track import Box
from ..zone import Point
from .observation import Observation
from .plane import box_point, distance_to_segment
from .watched_object import WatchedObject

_REACH_SHARE = 0.6  # of the mean side of the box: from the place where it is expected
_REACH_SHARE_PER_S = 0.8  # what is added for each second in which it was not seen
_MAX_REACH_SHARE = 2.0
_MAX_SIZE_RATIO = 2.5  # between the areas of the two boxes
_MAX_PREDICTION_S = 1.0  # forwards, and backwards


def find_lost(lost: Iterable[WatchedObject], phrase: str, first: Observation, unseen_s: float) -> WatchedObject | None:
    """The lost object that a new track continues, or None.

    Args:
        lost: objects that no track shows.
        phrase: of the new track.
        first: its first detection.
        unseen_s: for how long an object may have been lost by then.
    """
    costs = [
        (cost, one)
        for one in lost
        if one.phrase == phrase and (cost := _distance_share(one, first, unseen_s)) is not None
    ]
    return min(costs, key=lambda pair: pair[0])[1] if costs else None


def find_origin(
    lost: Iterable[WatchedObject], phrase: str, seen: Sequence[Observation], unseen_s: float
) -> WatchedObject | None:
    """The object lost last of those whose place the way of a new track meets, when it is continued backwards.

    An object that rested, and starts while it is not detected, is found far from where it is expected.

    Args:
        lost: objects that no track shows.
        phrase: of the new track.
        seen: its detections, oldest first; two at least, or nothing is known of its way.
        unseen_s: for how long an object may have been lost by then.
    """
    met = [one for one in lost if one.phrase == phrase and _meets(one, seen, min(unseen_s, _MAX_PREDICTION_S))]
    return max(met, key=lambda one: one.last.time_s, default=None)


def swapped(jumping: Sequence[tuple[WatchedObject, Observation]]) -> list[WatchedObject] | None:
    """The object that each detection shows, where tracks have exchanged their objects; None where they have not.

    Args:
        jumping: objects and the next detection of their tracks, each of which `jumps`.
    """
    left = [one for one, _ in jumping]
    found: list[WatchedObject] = []
    for known, seen in jumping:
        nearest = find_lost(left, known.phrase, seen, math.inf)
        if nearest is None:
            return None
        left.remove(nearest)
        found.append(nearest)
    return found


def jumps(known: WatchedObject, seen: Observation) -> bool:
    """Whether a track's next detection lies too far from its last one to show the same object."""
    return _distance_share(known, seen, math.inf) is None


def _distance_share(one: WatchedObject, seen: Observation, unseen_s: float) -> float | None:
    """The distance as a share of what is allowed; None for too far, too long ago, or another size."""
    gone_s = seen.time_s - one.last.time_s
    size = _common_size(one.last.box_xyxy, seen.box_xyxy)
    if size is None or not 0.0 < gone_s <= unseen_s:
        return None
    at, before = box_point(seen.box_xyxy, "centre"), box_point(one.last.box_xyxy, "centre")
    ahead_s = min(gone_s, _MAX_PREDICTION_S)
    expected = before[0] + one.velocity_px_s[0] * ahead_s, before[1] + one.velocity_px_s[1] * ahead_s
    distance = min(math.dist(at, expected), math.dist(at, before))
    reach = size * min(_REACH_SHARE + _REACH_SHARE_PER_S * gone_s, _MAX_REACH_SHARE)
    return distance / reach if distance <= reach else None


def _meets(one: WatchedObject, seen: Sequence[Observation], unseen_s: float) -> bool:
    """Whether a way, continued backwards to the time when an object was lost, comes near its place."""
    first, gone_s = seen[0], seen[0].time_s - one.last.time_s
    size = _common_size(one.last.box_xyxy, first.box_xyxy)
    if size is None or not 0.0 < gone_s <= unseen_s:
        return False
    later = [each for each in seen if 0.0 < each.time_s - first.time_s <= _MAX_PREDICTION_S]
    if not later:
        return False
    at, then = box_point(first.box_xyxy, "centre"), box_point(later[-1].box_xyxy, "centre")
    back = gone_s / (later[-1].time_s - first.time_s)
    start: Point = at[0] - back * (then[0] - at[0]), at[1] - back * (then[1] - at[1])
    return distance_to_segment(box_point(one.last.box_xyxy, "centre"), start, at) <= _REACH_SHARE * size


def _common_size(one: Box, other: Box) -> float | None:
    """The larger mean side of two boxes; None where one object cannot have both."""
    small, large = sorted((_size(one), _size(other)))
    return large if large**2 <= _MAX_SIZE_RATIO * small**2 else None


def _size(box: Box) -> float:
    return math.sqrt(max(box[2] - box[0], 1e-6) * max(box[3] - box[1], 1e-6))
