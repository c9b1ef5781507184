"""Static spots: places where one phrase is found for hours and nothing moves, such as a branch taken for a bird."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..track import Box

_SLOTS = 10  # of the time after which a spot is static
_SEEN_SLOTS = 8  # of these slots, in which it must have been found
SAME_IOU = 0.6
"""Two boxes that overlap so much are at one place."""
_MAX_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class StaticSpot:
    """A place and a phrase whose objects make no events."""

    phrase: str
    box_xyxy: Box


@dataclass(slots=True)
class _Candidate:
    spot: StaticSpot
    slots: set[int] = field(default_factory=set[int])


class StaticSpots:
    """Finds the static spots of one source.

    A spot is static when an object of its phrase was found there in eight of the last ten tenths of `after_s`, and had
    not moved there: one that flickers counts as well.

    Attributes:
        after_s: how long; None finds none.

    Args:
        after_s: the same.
        known: spots that were found before.
    """

    def __init__(self, after_s: float | None, known: Sequence[StaticSpot] = ()) -> None:
        self.after_s = after_s
        self._known = list(known)
        self._candidates: list[_Candidate] = []

    def set_known(self, known: Sequence[StaticSpot]) -> None:
        """The spots in force: those that were taken back are no longer among them."""
        self._known = list(known)

    def covers(self, phrase: str, box: Box) -> bool:
        """Whether an object of a phrase at a place is static."""
        return any(_is_same(spot, phrase, box) for spot in self._known)

    def see(self, phrase: str, box: Box, time_s: float) -> bool:
        """An object that has not moved was found here; returns whether the place is static from now on."""
        if self.after_s is None or self.covers(phrase, box):
            return False
        slot = int(time_s * _SLOTS / self.after_s)
        candidate = next((one for one in self._candidates if _is_same(one.spot, phrase, box)), None)
        if candidate is None:
            candidate = _Candidate(StaticSpot(phrase, box))
            self._candidates = [*self._candidates, candidate][-_MAX_CANDIDATES:]
        if slot in candidate.slots:
            return False
        candidate.slots = {one for one in candidate.slots if one > slot - _SLOTS} | {slot}
        if len(candidate.slots) < _SEEN_SLOTS or max(candidate.slots) - min(candidate.slots) < _SLOTS - 1:
            return False
        self._candidates.remove(candidate)
        self._known.append(candidate.spot)
        return True


def _is_same(spot: StaticSpot, phrase: str, box: Box) -> bool:
    return spot.phrase == phrase and box_iou(spot.box_xyxy, box) >= SAME_IOU


def box_iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return shared / (areas - shared) if areas > shared else 0.0
