"""Linker: what links one frame's boxes to tracks, and the tracks that it gives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..track import Box


@dataclass(frozen=True, slots=True)
class LinkedDetection:
    """One detection, as its track remembers it.

    Args:
        frame: the number of its frame.
        time_s: of its frame, on the track clock.
        unix_ns: when its picture was taken, None for files.
        phrase: one of the prompt's names.
        score: 0..1.
        box_xyxy: px, inside the picture.
    """

    frame: int
    time_s: float
    unix_ns: int | None
    phrase: str
    score: float
    box_xyxy: Box


class LinkedTrack(Protocol):
    """A track inside a linker. `box_xyxy` is smoothed, or predicted; it may lie outside the picture."""

    @property
    def id(self) -> int: ...

    @property
    def first(self) -> LinkedDetection: ...

    @property
    def last(self) -> LinkedDetection: ...

    @property
    def is_tentative(self) -> bool: ...

    @property
    def box_xyxy(self) -> Box: ...

    @property
    def velocity_px_s(self) -> tuple[float, float]: ...


class Linker(Protocol):
    """Links boxes of the same phrase from frame to frame. Ids count up from 1 and are not used again."""

    @property
    def tracks(self) -> Sequence[LinkedTrack]:
        """Oldest first."""
        ...

    def update(self, detections: Sequence[LinkedDetection]) -> None:
        """Move the tracks on by the track clock's step, and link one frame's detections to them."""
        ...

    def lose(self, ids: Collection[int]) -> None:
        """End tracks that were not detected for too long. A linker may give one its id back when it appears again."""
        ...

    def end(self, ids: Collection[int]) -> None:
        """End tracks for good."""
        ...

    def keep_phrases(self, names: Collection[str]) -> None:
        """End all tracks of other phrases for good."""
        ...

    def reset(self) -> None:
        """End all tracks for good."""
        ...
