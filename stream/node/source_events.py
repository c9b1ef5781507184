"""Source events: one source's event engine, and the messages that are made of its events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..clock import Clock
from ..event import Event, PlaceCounts
from ..events.engine import EventEngine, EventRules
from ..frame import Frame
from ..options import SourceOptions
from ..track import Track
from ..wire.message_types import EventMessage
from .event_writer import EventWriter

_SEEN_EVERY_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class EventOrigin:
    """Where events come from: the first fields of their messages."""

    node: str
    source: str
    epoch: int
    generation: int


class SourceEvents:
    """Gives a source's tracks to its event engine, and the events to the writer. The loop alone uses it.

    While a source has neither zones nor lines and asks for no events, it does nothing and needs no writer.

    Args:
        origin: the source.
        coast_s: for how long a track may coast: an object is not lost before.
        writer: gives the writer, at the first event rule.
        clock: gives the time.
    """

    def __init__(self, origin: EventOrigin, coast_s: float, writer: Callable[[], EventWriter], clock: Clock) -> None:
        self._origin = origin
        self._coast_s = coast_s
        self._make_writer = writer
        self._clock = clock
        self._writer: EventWriter | None = None
        self._engine: EventEngine | None = None
        self._number = 0
        self._seq = 0
        self._seen_ns = 0
        self._static_version = 0
        self._has_ended = False

    def configure(self, options: SourceOptions) -> None:
        """Use these zones, lines and events from the next frame on.

        Raises:
            EventStoreError: the file of events cannot be opened.
        """
        rules = EventRules(
            zones=options.zones,
            lines=options.lines,
            object_events=frozenset(options.object_events),
            relink_s=max(options.relink_s, self._coast_s),
            away_s=options.away_s,
            static_after_s=options.static_after_s,
        )
        if self._engine is not None:
            self._engine.set_rules(rules)
        elif rules.zones or rules.lines or rules.object_events:
            self._writer = self._make_writer()
            name = self._origin.node, self._origin.source
            self._static_version = self._writer.static_version
            self._engine = EventEngine(rules, *self._writer.totals(*name), self._writer.static_spots(*name))

    def observe(self, tracks: Sequence[Track], frame: Frame, seq: int) -> Sequence[Event]:
        """Take the tracks of the next frame, and queue the events that follow, which it returns."""
        if self._engine is None or self._writer is None or self._has_ended:
            return ()
        self._seq = seq
        if self._static_version != self._writer.static_version:
            self._static_version = self._writer.static_version
            self._engine.set_static(self._writer.static_spots(self._origin.node, self._origin.source))
        events = self._engine.update(tracks, frame.time_s, frame.captured_unix_ns, frame.still_s)
        self._put(events)
        now_ns = self._clock.unix_ns()
        if now_ns - self._seen_ns >= _SEEN_EVERY_NS:
            self._seen_ns = now_ns
            since_ns = self._engine.uncertain_since_unix_ns
            self._writer.seen(self._origin.node, self._origin.source, now_ns, since_ns)
        return events

    def end(self) -> None:
        """The source has ended: queue its last events. Twice does no harm."""
        if self._engine is not None and not self._has_ended:
            self._put(self._engine.end())
        self._has_ended = True

    @property
    def is_done(self) -> bool:
        """Whether the source has ended and its last events were sent."""
        return self._writer is None or (self._has_ended and self._writer.is_done)

    @property
    def counts(self) -> tuple[PlaceCounts, ...]:
        """The counts of its zones and lines now; from any thread."""
        return () if self._engine is None else self._engine.counts()

    @property
    def uncertain_since_unix_ns(self) -> int | None:
        """Since when the counts may be wrong."""
        return None if self._engine is None else self._engine.uncertain_since_unix_ns

    @property
    def warning(self) -> str | None:
        """Why events are not stored."""
        return None if self._writer is None else self._writer.warning

    def _put(self, events: Sequence[Event]) -> None:
        if events and self._writer is not None and self._engine is not None:
            since_ns = self._engine.uncertain_since_unix_ns
            self._writer.put(
                [self._message(event, number, since_ns) for number, event in enumerate(events, self._number + 1)]
            )
            self._number += len(events)

    def _message(self, event: Event, number: int, since_ns: int | None) -> EventMessage:
        origin = self._origin
        return EventMessage(
            node=origin.node,
            source=origin.source,
            epoch=origin.epoch,
            generation=origin.generation,
            seq=self._seq,
            number=number,
            published_unix_ns=self._clock.unix_ns(),
            event=event,
            uncertain_since_unix_ns=since_ns,
        )
