"""Tentative tracks: their detections, kept until the tracker confirms them or gives them up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ..track import Track
from .observation import Observation
from .relink import find_lost, find_origin
from .watched_object import WatchedObject

_MAX_KEPT = 100  # detections of one track


@dataclass(slots=True)
class _TentativeTrack:
    one: WatchedObject
    kept: list[Observation] = field(default_factory=list[Observation])


class TentativeTracks:
    """The detections of tracks that are not confirmed.

    Where detections are often missing, a tracker gives up a tentative track and begins another: the new one goes on
    with the detections of the first, so that what an object did before it was confirmed counts.
    """

    def __init__(self) -> None:
        self._of_uid: dict[str, _TentativeTrack] = {}
        self._given_up: list[_TentativeTrack] = []

    def add(self, track: Track, seen: Observation, relink_s: float) -> None:
        """Add a detection of a track, which goes on with those of a track that ended near it."""
        tentative = self._of_uid.get(track.uid)
        if tentative is None:
            tentative = self._continued(track, seen, relink_s) or _TentativeTrack(WatchedObject(track, seen))
            self._of_uid[track.uid] = tentative
        tentative.one.bind(track)
        tentative.one.last, tentative.one.unseen_s = seen, 0.0
        tentative.kept.append(seen)
        del tentative.kept[:-_MAX_KEPT]

    def confirm(self, track: Track, relink_s: float) -> list[Observation]:
        """Forget a confirmed track; returns its detections, after those of the ended tracks that its way comes from."""
        kept = self._of_uid.pop(track.uid).kept
        while (origin := find_origin((one.one for one in self._given_up), track.phrase, kept, relink_s)) is not None:
            kept = self._taken(origin).kept + kept
        return kept

    def step(self, alive: Collection[str], step_s: float, relink_s: float) -> None:
        """A frame is over: of these tracks, with this time since the last one."""
        ended = [uid for uid in self._of_uid if uid not in alive]
        self._given_up += [self._of_uid.pop(uid) for uid in ended]
        for tentative in self._given_up:
            tentative.one.unseen_s += step_s
        self._given_up = [tentative for tentative in self._given_up if tentative.one.unseen_s <= relink_s]

    def _continued(self, track: Track, seen: Observation, relink_s: float) -> _TentativeTrack | None:
        one = find_lost([tentative.one for tentative in self._given_up], track.phrase, seen, relink_s)
        return None if one is None else self._taken(one)

    def _taken(self, one: WatchedObject) -> _TentativeTrack:
        found = next(tentative for tentative in self._given_up if tentative.one is one)
        self._given_up.remove(found)
        return found
