"""Tracks as a tracker would give them, along a path that a test writes down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from groundcast.stream.event import Event
from groundcast.stream.events.engine import EventEngine
from groundcast.stream.track import Track, TrackState

HZ = 10.0
SIDE = 40.0


def track(
    number: int,
    x: float,
    y: float,
    state: TrackState = "matched",
    phrase: str = "bottle",
    side: float = SIDE,
    speed: float = 0.0,
) -> Track:
    """A square track whose centre is at (x, y) and goes right at this speed, px per second."""
    box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Track(
        id=number,
        uid=f"n/s/1/1-{number}",
        phrase=phrase,
        score=0.9,
        box_xyxy=box,
        detected_xyxy=None if state == "coasting" else box,
        state=state,
        first_seen_unix_ns=None,
        last_matched_unix_ns=None,
        age_s=1.0,
        misses=0,
        velocity_px_s=(speed, 0.0),
    )


def play(engine: EventEngine, frames: Iterable[Sequence[Track]], begin_s: float = 0.0, hz: float = HZ) -> list[Event]:
    """The events of one list of tracks for each frame."""
    events: list[Event] = []
    for index, tracks in enumerate(frames):
        time_s = begin_s + index / hz
        events += engine.update(tracks, time_s, int(1e18 + time_s * 1e9))
    return events


def walk(number: int, xs: Sequence[float], y: float = 100.0, phrase: str = "bottle") -> list[list[Track]]:
    """One track that goes through these places, a frame each."""
    ahead = [*xs[1:], 2 * xs[-1] - xs[-2]]
    return [[track(number, x, y, phrase=phrase, speed=(then - x) * HZ)] for x, then in zip(xs, ahead, strict=True)]
