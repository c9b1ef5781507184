"""One observation of a tracked object: where it was detected, and when."""

from __future__ import annotations

from dataclasses import dataclass

from ..position import Position
from ..track import Box


@dataclass(frozen=True, slots=True)
class Observation:
    """An object as one frame shows it.

    Args:
        time_s: on the source's own clock.
        unix_ns: when the picture was taken; None for files.
        box_xyxy: px of the original picture, smoothed by the tracker: it overshoots where an object turns.
        detected_xyxy: as the detector found it: it jitters, but does not overshoot.
        score: 0..1.
        position: in metres, measured in this very frame; None where it was not.
    """

    time_s: float
    unix_ns: int | None
    box_xyxy: Box
    detected_xyxy: Box
    score: float
    position: Position | None = None
