"""An event: something that began, ended or changed for an object or a count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .track import Box

EventKind = Literal[
    "enter", "leave", "cross", "dwell", "appear", "disappear", "moved", "count_changed", "static", "gap"
]
Direction = Literal["in", "out"]
PlaceKind = Literal["zone", "line"]
CountName = Literal["entered", "left", "in", "out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to an object or a count. What does not apply to the kind is None.

    Args:
        kind: what happened.
        time_s: when, on the source's own clock.
        captured_unix_ns: the same as a time of day; None for files.
        place: the zone's or the line's name.
        phrase: the object's, or the count's.
        object: names the object; it stays when its track's id changes.
        track_id, track_uid: the track at that moment.
        box_xyxy: px of the original picture.
        score: 0..1, of the track.
        direction: of a crossing.
        unseen: of an enter: the object was first seen inside; of a leave: it was last seen inside.
        seconds: of dwell and leave: how long it was inside; of disappear: how long it was seen; of gap: how long.
        count, previous: of count_changed: objects of the phrase that are inside now, and before.
        moved_px: of moved: (x, y) from its old resting place.
    """

    kind: EventKind
    time_s: float
    captured_unix_ns: int | None = None
    place: str | None = None
    phrase: str | None = None
    object: str | None = None
    track_id: int | None = None
    track_uid: str | None = None
    box_xyxy: Box | None = None
    score: float | None = None
    direction: Direction | None = None
    unseen: bool = False
    seconds: float | None = None
    count: int | None = None
    previous: int | None = None
    moved_px: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class PlaceCounts:
    """The counts of one zone or line.

    Args:
        name: the zone's or the line's.
        kind: which of the two it is.
        now: of a zone: how many objects of each phrase are inside.
        totals: how many went over the border since counting began, by name (`entered`, `left`; `in`, `out`) and
            phrase.
    """

    name: str
    kind: PlaceKind
    now: Mapping[str, int] = field(default_factory=dict[str, int])
    totals: Mapping[CountName, Mapping[str, int]] = field(default_factory=dict[CountName, Mapping[str, int]])
