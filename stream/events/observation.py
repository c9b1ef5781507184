"""One observation of a tracked object: where it was detected, and when."""

from __future__ import annotations

from dataclasses import dataclass

from ..track import Box


@dataclass(frozen=True, slots=True)
class Observation:
    """An object as one frame shows it.

    Args:
        time_s: on the source's own clock.
        unix_ns: when the picture was taken; None for files.
        box_xyxy: px of the original picture.
        score: 0..1.
    """

    time_s: float
    unix_ns: int | None
    box_xyxy: Box
    score: float
