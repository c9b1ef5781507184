"""Event engine: the events and counts of one source, made of its tracks.

Tracks become objects: only confirmed ones count, and an object goes on when its track's id changes. Each object is
watched relative to each zone and line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..event import CountName, Event, PlaceCounts
from ..track import Track
from ..zone import LineOptions, ObjectEventKind, ZoneOptions
from .count_watch import CountWatch
from .observation import Observation
from .relink import find_lost, find_origin, jumps, swapped
from .static_spots import SAME_IOU, StaticSpot, StaticSpots, box_iou
from .tentative import TentativeTracks
from .watched_object import WatchedObject

Totals = Mapping[tuple[str, CountName, str], int]
"""How many went over the border of a place, by place, name and phrase."""

_GAP_STEPS = 3.0  # at low rates: a gap is longer than so many usual steps
_STEP_SHARE = 0.2  # of a new step in the usual one


@dataclass(frozen=True, slots=True)
class EventRules:
    """What a source's events are made of.

    Args:
        zones, lines: where objects are counted.
        object_events: which events of an object as such are sent.
        relink_s: for how long an object may be lost before a new track near its place is another object.
        away_s: a longer time without a picture is a gap, after which counts are uncertain.
        static_after_s: a place where one phrase is found for so long, and nothing moves, is left out; None: never.
    """

    zones: tuple[ZoneOptions, ...] = ()
    lines: tuple[LineOptions, ...] = ()
    object_events: frozenset[ObjectEventKind] = field(default_factory=frozenset[ObjectEventKind])
    relink_s: float = 2.0
    away_s: float = 2.0
    static_after_s: float | None = None


class EventEngine:
    """Takes the tracks of each frame, and gives the events that follow.

    Attributes:
        uncertain_since_unix_ns: counts may be wrong since then; None while they are certain.

    Args:
        rules: zones, lines and times.
        totals: to go on from, such as those of the node's last run.
        uncertain_since_unix_ns: since when those may be wrong.
        static: places that were found to be static before.
    """

    def __init__(
        self,
        rules: EventRules,
        totals: Totals | None = None,
        uncertain_since_unix_ns: int | None = None,
        static: Sequence[StaticSpot] = (),
    ) -> None:
        self.uncertain_since_unix_ns = uncertain_since_unix_ns
        self._rules = rules
        self._totals: Counter[tuple[str, CountName, str]] = Counter(totals or {})
        self._objects: list[WatchedObject] = []
        self._of_uid: dict[str, WatchedObject] = {}
        self._tentative = TentativeTracks()
        self._static = StaticSpots(rules.static_after_s, static)
        self._count_watches = {zone.name: CountWatch(zone.settle_s) for zone in rules.zones}
        self._last: tuple[float, int | None] | None = None
        self._usual_step_s: float | None = None

    @property
    def is_idle(self) -> bool:
        """Whether the rules ask for nothing."""
        return not (self._rules.zones or self._rules.lines or self._rules.object_events)

    def set_rules(self, rules: EventRules) -> None:
        """Use other rules from the next frame on. What is known about places that stay as they are is kept."""
        before = {zone.name: zone for zone in self._rules.zones}
        kept = {zone.name for zone in rules.zones if before.get(zone.name) == zone}
        self._count_watches = {
            zone.name: self._count_watches[zone.name] if zone.name in kept else CountWatch(zone.settle_s)
            for zone in rules.zones
        }
        self._rules = rules
        self._static.after_s = rules.static_after_s
        for one in self._objects:
            one.watch(rules.zones, rules.lines)

    def set_static(self, spots: Sequence[StaticSpot]) -> None:
        """Leave out these places, and no others that were found before."""
        self._static.set_known(spots)

    def update(self, tracks: Sequence[Track], time_s: float, unix_ns: int | None, still_s: float = 0.0) -> list[Event]:
        """The events of one frame.

        Args:
            tracks: all of them, also those that are tentative or coast.
            time_s: on the source's own clock; it never runs backwards.
            unix_ns: when the picture was taken; None for files.
            still_s: for how long before it nothing moved, so that no frame came: that is no gap.
        """
        step_s, gap = self._step(time_s, unix_ns, still_s)
        events = [] if gap is None else [gap]
        detected = [track for track in tracks if track.detected_xyxy is not None and not self._is_static(track)]
        known = [(one, track) for track in detected if (one := self._of_uid.get(track.uid)) is not None]
        for one in self._objects:
            one.unseen_s += step_s
        for one, track, seen in self._rebound(known, time_s, unix_ns):
            one.bind(track)
            events += one.observe(seen)
        for track in detected:
            if track.uid not in self._of_uid:
                events += self._observe_new(track, _observation(track, time_s, unix_ns))
        events += self._new_static(time_s)
        self._tentative.step({track.uid for track in tracks}, step_s, self._relink_s())
        events += self._expire(self._relink_s())
        return self._counted([*events, *self._count_events(time_s, unix_ns)])

    def end(self) -> list[Event]:
        """The source has ended: the events of its objects that are gone with it."""
        events = self._expire(-1.0)
        if self._last is not None:
            late_s = max((zone.settle_s for zone in self._rules.zones), default=0.0)
            events += self._count_events(self._last[0], self._last[1])
            events += self._count_events(self._last[0] + late_s, self._last[1])
        return self._counted(events)

    def counts(self) -> tuple[PlaceCounts, ...]:
        """The counts of all zones and lines now."""
        zones = [
            PlaceCounts(zone.name, "zone", self._inside(zone.name), self._totals_of(zone.name, ("entered", "left")))
            for zone in self._rules.zones
        ]
        lines = [
            PlaceCounts(line.name, "line", totals=self._totals_of(line.name, ("in", "out")))
            for line in self._rules.lines
        ]
        return (*zones, *lines)

    def _step(self, time_s: float, unix_ns: int | None, still_s: float) -> tuple[float, Event | None]:
        """The seconds since the last frame, 0 over a gap; and the gap's event."""
        before, self._last = self._last, (time_s, unix_ns)
        if before is None:
            return 0.0, None
        step_s, usual_s = max(0.0, time_s - before[0] - still_s), self._usual_step_s
        if usual_s is not None and step_s > max(self._rules.away_s, _GAP_STEPS * usual_s):
            if self.uncertain_since_unix_ns is None:
                self.uncertain_since_unix_ns = before[1]
            for one in self._objects:
                one.lose_sight()
            return 0.0, Event(kind="gap", time_s=time_s, captured_unix_ns=unix_ns, seconds=step_s)
        self._usual_step_s = step_s if usual_s is None else (1 - _STEP_SHARE) * usual_s + _STEP_SHARE * step_s
        return step_s, None

    def _is_static(self, track: Track) -> bool:
        return self._static.covers(track.phrase, track.box_xyxy)

    def _new_static(self, time_s: float) -> Iterator[Event]:
        """The objects of this frame whose place is static from now on; they are forgotten."""
        for one in tuple(self._objects):
            box = one.last.box_xyxy
            is_still = one.last.time_s == time_s and box_iou(one.first.box_xyxy, box) >= SAME_IOU
            if is_still and self._static.see(one.phrase, box, time_s):
                self._objects.remove(one)
                self._of_uid = {uid: other for uid, other in self._of_uid.items() if other is not one}
                yield one.event("static", one.last)

    def _relink_s(self) -> float:
        return max(self._rules.relink_s, 1.5 * (self._usual_step_s or 0.0))

    def _rebound(
        self, known: Sequence[tuple[WatchedObject, Track]], time_s: float, unix_ns: int | None
    ) -> Iterator[tuple[WatchedObject, Track, Observation]]:
        """The object that each known track shows: its own, unless tracks have exchanged theirs."""
        seen = [(one, track, _observation(track, time_s, unix_ns)) for one, track in known]
        jumping = [each for each in seen if jumps(each[0], each[2])]
        if len(jumping) > 1 and (found := swapped([(one, at) for one, _, at in jumping])) is not None:
            yield from (each for each in seen if each not in jumping)
            for one, (_, track, at) in zip(found, jumping, strict=True):
                self._of_uid[track.uid] = one
                yield one, track, at
        else:
            yield from seen

    def _observe_new(self, track: Track, seen: Observation) -> Iterator[Event]:
        """Keep a tentative track's detections; once it is confirmed, they are an object's."""
        self._tentative.add(track, seen, self._relink_s())
        if track.state == "tentative":
            return
        kept = self._tentative.confirm(track, self._relink_s())
        one = self._continued(track.phrase, kept)
        if one is None:
            one = WatchedObject(track, kept[0])
            one.watch(self._rules.zones, self._rules.lines)
            self._objects.append(one)
            yield one.event("appear", kept[0])
        elif self._of_uid.get(one.uid) is one:
            del self._of_uid[one.uid]
        one.bind(track)
        self._of_uid[track.uid] = one
        for each in kept:
            yield from one.observe(each)

    def _continued(self, phrase: str, kept: Sequence[Observation]) -> WatchedObject | None:
        """The lost object that a new track with these detections continues."""
        lost = [one for one in self._objects if one.last.time_s < kept[0].time_s]
        unseen_s = self._relink_s() + self._gap_s(kept[0])
        return find_lost(lost, phrase, kept[0], unseen_s) or find_origin(lost, phrase, kept, unseen_s)

    def _gap_s(self, seen: Observation) -> float:
        """The longest time without pictures that an object may have been lost beside the time that it was unseen."""
        return max((seen.time_s - one.last.time_s - one.unseen_s for one in self._objects), default=0.0)

    def _expire(self, after_s: float) -> list[Event]:
        """End the objects that have not been detected for so long."""
        gone = [one for one in self._objects if one.unseen_s > after_s]
        if not gone:
            return []
        self._objects = [one for one in self._objects if one.unseen_s <= after_s]
        self._of_uid = {uid: one for uid, one in self._of_uid.items() if one not in gone}
        events: list[Event] = []
        for one in gone:
            events += one.end()
            seconds = max(0.0, one.last.time_s - one.first.time_s)
            events.append(replace(one.event("disappear", one.last), seconds=seconds))
        return events

    def _count_events(self, time_s: float, unix_ns: int | None) -> Iterator[Event]:
        for name, watch in self._count_watches.items():
            for phrase, count, before in watch.update(self._inside(name), time_s):
                yield Event(
                    kind="count_changed",
                    time_s=time_s,
                    captured_unix_ns=unix_ns,
                    place=name,
                    phrase=phrase,
                    count=count,
                    previous=before,
                )

    def _counted(self, events: Iterable[Event]) -> list[Event]:
        """The events that are asked for; those that went over a border are added to the totals."""
        wanted: list[Event] = []
        for event in events:
            if event.kind in ("appear", "disappear", "moved") and event.kind not in self._rules.object_events:
                continue
            if (name := total_of(event)) is not None:
                self._totals[name] += 1
            wanted.append(event)
        return wanted

    def _inside(self, zone: str) -> dict[str, int]:
        inside = [one.phrase for one in self._objects if zone in one.zones and one.zones[zone].is_inside]
        return dict(sorted(Counter(inside).items()))

    def _totals_of(self, place: str, names: Sequence[CountName]) -> dict[CountName, dict[str, int]]:
        return {
            name: {
                phrase: count
                for (at, which, phrase), count in sorted(self._totals.items())
                if (at, which) == (place, name)
            }
            for name in names
        }


def total_of(event: Event) -> tuple[str, CountName, str] | None:
    """Which total an event adds to: its place, name and phrase; None for none."""
    if event.place is None or event.phrase is None or event.unseen:
        return None
    names: dict[str, CountName] = {"enter": "entered", "leave": "left"}
    name = event.direction if event.kind == "cross" else names.get(event.kind)
    return None if name is None else (event.place, name, event.phrase)


def _observation(track: Track, time_s: float, unix_ns: int | None) -> Observation:
    position = track.position
    measured = position if position is not None and position.predicted_s is None else None
    detected = track.detected_xyxy or track.box_xyxy
    return Observation(time_s, unix_ns, track.box_xyxy, detected, track.score, measured)
