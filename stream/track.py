"""A track: one box over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .position import Position

TrackState = Literal["tentative", "matched", "coasting"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Track:
    """One box over time, as it stands at one frame.

    Args:
        id: small and readable; unique within a source and a run of the node.
        uid: unique across restarts and nodes.
        phrase: exactly one of the prompt's names.
        score: 0..1, of the last detection that matched.
        box_xyxy: px of the original picture; smoothed, or predicted while coasting.
        detected_xyxy: px; the detection of this very frame, None while coasting.
        state: tentative until seen often enough, then matched, coasting while not seen.
        first_seen_unix_ns, last_matched_unix_ns: None where the source has no clock (files).
        age_s: seconds since first seen, on the frames' clock.
        misses: frames in a row without a detection.
        velocity_px_s: (x, y) of the box's centre, px per second.
        position: where it is in metres, where the source's geometry is set and gives one.
        no_position: why there is none, one of `position.NO_POSITION`; None where there is one, or no geometry.
    """

    id: int
    uid: str
    phrase: str
    score: float
    box_xyxy: Box
    detected_xyxy: Box | None
    state: TrackState
    first_seen_unix_ns: int | None
    last_matched_unix_ns: int | None
    age_s: float
    misses: int
    velocity_px_s: tuple[float, float]
    position: Position | None = None
    no_position: str | None = None
