"""Event recorder: stores received events and minute counts in an SQLite file, as a node does beside its own."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from ..events.store import EventStore, EventStoreError
from ..wire.event_message import decode_event
from ..wire.message import decode_status
from ..wire.message_types import EventMessage
from ..wire.topics import MessageError

_LOG = logging.getLogger(__name__)
_STORE_EVERY_S = 0.2
_RETRY_S = 1.0
_REMOVE_EVERY_S = 3600.0
_MAX_WAITING = 100_000
_Source = tuple[str, str]  # node, source


class EventRecorder:
    """Takes messages as they are received. One thread uses it.

    While the file cannot be written, as on a full disk, events wait in memory; of more than a hundred thousand the
    oldest are lost, and counted. Replayed messages are left out.

    Attributes:
        stored: events that are in the file now and were not before.
        lost: events that were sent, but never received.
        unstored: events that were received and will never be stored.

    Args:
        path: the file.
        keep_days: how long events and minute counts are kept.

    Raises:
        EventStoreError: the file cannot be opened.
    """

    def __init__(self, path: Path, keep_days: float) -> None:
        self.path = path
        self.stored = self.lost = self.unstored = 0
        self._keep_days = keep_days
        self._store = EventStore(path)
        self._waiting: deque[EventMessage] = deque()
        self._numbers: dict[_Source, tuple[int, int, int]] = {}  # epoch, generation and number of the last event
        self._known: set[_Source] = set()
        self._seen: dict[_Source, int] = {}  # when it was last heard of, where that is not stored
        self._uncertain: dict[_Source, int | None] = {}
        self._last_ns: dict[_Source, int] = {}
        self._error: EventStoreError | None = None
        self._due_s = time.monotonic()
        self._removed_s = float("-inf")

    def take(self, topic: bytes, parts: Sequence[bytes]) -> None:
        """Take any message; only events and statuses matter, and what cannot be read does not."""
        try:
            if topic.startswith(b"evt/"):
                self._take_event(decode_event(parts[0]))
            elif topic.startswith(b"sys/"):
                status = decode_status(parts[0])
                if not status.replay and (status.node, status.source) in self._known:
                    self._hear((status.node, status.source), status.published_unix_ns, status.uncertain_since_unix_ns)
        except (MessageError, IndexError):
            return

    def flush_when_due(self) -> None:
        """Store what has come; call it several times a second, also while no message comes."""
        now_s = time.monotonic()
        if now_s < self._due_s or not (self._waiting or self._seen):
            return
        try:
            self._flush(now_s)
            self._due_s = now_s + _STORE_EVERY_S
        except EventStoreError as error:
            if self._error is None:
                _LOG.error("events are received, but not stored: %s", error)
            self._error = error
            self._due_s = now_s + _RETRY_S
            while len(self._waiting) > _MAX_WAITING:
                self._waiting.popleft()
                self.unstored += 1

    def close(self) -> None:
        """Store what has come, and close the file. Twice does no harm.

        Raises:
            EventStoreError: events could not be stored; the text says how many.
        """
        self._due_s = 0.0
        self.flush_when_due()
        self._store.close()
        self.unstored += len(self._waiting)
        self._waiting.clear()
        self._seen.clear()
        if self.unstored and self._error is not None:
            raise EventStoreError(f"{self.unstored} events are not stored: {self._error}")

    def _take_event(self, message: EventMessage) -> None:
        if message.replay:
            return
        source = message.node, message.source
        if source not in self._known:
            self._known.add(source)
            # What happened while nothing was recorded is not known.
            self._uncertain[source] = self._store.uncertain_since(*source)
        epoch, generation, number = message.epoch, message.generation, message.number
        before = self._numbers.get(source)
        begun = 0 if before is None or before[:2] != (epoch, generation) else before[2]
        if before is not None and number > begun + 1:
            self.lost += number - begun - 1
            if self._uncertain[source] is None:
                self._uncertain[source] = self._last_ns[source]
        self._numbers[source] = epoch, generation, max(number, begun)
        self._waiting.append(message)
        self._hear(source, message.published_unix_ns, message.uncertain_since_unix_ns)

    def _hear(self, source: _Source, unix_ns: int, uncertain_since_unix_ns: int | None) -> None:
        since_ns = [one for one in (self._uncertain[source], uncertain_since_unix_ns) if one is not None]
        self._uncertain[source] = min(since_ns, default=None)
        self._seen[source] = self._last_ns[source] = unix_ns

    def _flush(self, now_s: float) -> None:
        self.stored += self._store.add(self._waiting)
        self._waiting.clear()
        for (node, source), unix_ns in self._seen.items():
            self._store.seen(node, source, unix_ns, self._uncertain[node, source])
        self._seen.clear()
        if now_s - self._removed_s > _REMOVE_EVERY_S:
            self._removed_s = now_s
            self._store.remove_old(self._keep_days)
        if self._error is not None:
            _LOG.warning("events are stored again")
            self._error = None
