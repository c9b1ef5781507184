"""Watched object: one object over all its tracks, with its place relative to each zone and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..event import Event, EventKind
from ..track import Track
from ..zone import LineOptions, Point, ZoneOptions
from .line_watch import LineWatch
from .observation import Observation
from .rest_watch import RestWatch
from .zone_watch import ZoneChange, ZoneWatch


class WatchedObject:
    """What was seen of one object, and what it did.

    Attributes:
        id: the uid of its first track.
        track_id, uid: of its present track, or of its last one.
        phrase: what it is.
        first, last: its first and its last detection.
        velocity_px_s: of its last detection.
        unseen_s: for how long it has not been detected, without the time in which no picture came.
        inside: the zones that it is in, with their watches.
    """

    def __init__(self, track: Track, first: Observation) -> None:
        self.id = track.uid
        self.phrase = track.phrase
        self.first = self.last = first
        self.unseen_s = 0.0
        self.velocity_px_s: Point = (0.0, 0.0)
        self.zones: dict[str, ZoneWatch] = {}
        self._lines: dict[str, LineWatch] = {}
        self._rest = RestWatch()
        self.bind(track)

    def bind(self, track: Track) -> None:
        """Go on with this track."""
        self.track_id, self.uid, self.velocity_px_s = track.id, track.uid, track.velocity_px_s

    def watch(self, zones: tuple[ZoneOptions, ...], lines: tuple[LineOptions, ...]) -> None:
        """Watch these zones and lines; those that are watched already go on."""
        zone_watches = {one.name: self.zones.get(one.name) for one in zones if _counts(one, self.phrase)}
        line_watches = {one.name: self._lines.get(one.name) for one in lines if _counts(one, self.phrase)}
        self.zones = {
            one.name: watch if (watch := zone_watches[one.name]) and watch.options == one else ZoneWatch(one)
            for one in zones
            if one.name in zone_watches
        }
        self._lines = {
            one.name: watch if (watch := line_watches[one.name]) and watch.options == one else LineWatch(one)
            for one in lines
            if one.name in line_watches
        }

    def observe(self, seen: Observation) -> Iterator[Event]:
        """Take the next detection; gives what follows from it."""
        self.last, self.unseen_s = seen, 0.0
        for name, zone in self.zones.items():
            for change in zone.observe(seen):
                yield self._zone_event(name, change)
        for name, line in self._lines.items():
            if (crossing := line.observe(seen)) is not None:
                yield replace(self.event("cross", crossing[1]), place=name, direction=crossing[0])
        if (moved := self._rest.observe(seen)) is not None:
            yield replace(self.event("moved", seen), moved_px=moved)

    def end(self) -> Iterator[Event]:
        """The object is gone; gives what follows from that."""
        for name, line in self._lines.items():
            if (crossing := line.end()) is not None:
                yield replace(self.event("cross", crossing[1]), place=name, direction=crossing[0])
        for name, zone in self.zones.items():
            if (change := zone.end()) is not None:
                yield self._zone_event(name, change)

    def lose_sight(self) -> None:
        """No picture came for a time: its next detection crosses no line."""
        self._lines = {name: LineWatch(line.options) for name, line in self._lines.items()}

    def event(self, kind: EventKind, seen: Observation) -> Event:
        """An event of this object."""
        return Event(
            kind=kind,
            time_s=seen.time_s,
            captured_unix_ns=seen.unix_ns,
            phrase=self.phrase,
            object=self.id,
            track_id=self.track_id,
            track_uid=self.uid,
            box_xyxy=seen.box_xyxy,
            score=seen.score,
        )

    def _zone_event(self, name: str, change: ZoneChange) -> Event:
        event = self.event(change.kind, change.seen)
        return replace(event, place=name, seconds=change.seconds, unseen=change.unseen)


def _counts(place: ZoneOptions | LineOptions, phrase: str) -> bool:
    return not place.phrases or phrase in place.phrases
