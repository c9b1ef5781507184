"""Event writer: stores events and then sends them, in a thread of its own, so that the loop waits for no disk."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ..events.engine import Totals
from ..events.static_spots import StaticSpot
from ..events.store import EventStore, EventStoreError
from ..publish.publisher import Publisher, PublisherError
from ..wire.message_types import EventMessage

_LOG = logging.getLogger(__name__)
_MAX_UNSTORED = 100_000
_RETRY_S = 1.0
_REMOVE_EVERY_S = 3600.0


class EventWriter:
    """Stores each event, then gives it to the publisher: what subscribers have received is stored.

    While the file cannot be written, as on a full disk, events are sent all the same and kept in memory until it can;
    of more than a hundred thousand the oldest are lost, and counted.

    Attributes:
        warning: why events are not stored; None while they are.
        unstored: events that will never be stored.
        static_version: grows when static spots were taken back or read.

    Args:
        publisher: sends the events.
        path: the file; None stores nothing.
        keep_days: how long events and minute counts are kept.
        wake: called after events were sent.

    Raises:
        EventStoreError: the file cannot be opened.
    """

    def __init__(self, publisher: Publisher, path: Path | None, keep_days: float, wake: Callable[[], None]) -> None:
        self.warning: str | None = None
        self.unstored = 0
        self.static_version = 0
        self._publisher = publisher
        self._store = None if path is None else EventStore(path)
        self._keep_days = keep_days
        self._wake = wake
        self._changed = threading.Condition()
        self._queue: deque[EventMessage] = deque()
        self._is_busy = False
        self._is_closing = False
        self._waiting: deque[EventMessage] = deque()  # sent, and not stored yet
        self._seen: dict[tuple[str, str], tuple[int, int | None]] = {}
        self._removed_s = float("-inf")
        self._static: dict[tuple[str, str], list[StaticSpot]] = (
            {} if self._store is None else self._store.static_spots()
        )
        self._data_version: int | None = None
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def totals(self, node: str, source: str) -> tuple[Totals, int | None]:
        """The totals to go on from, and since when they may be wrong."""
        if self._store is None:
            return {}, None
        with self._changed:
            self._changed.wait_for(lambda: not self._is_busy and not self._queue, timeout=_RETRY_S)
            try:
                totals = self._store.totals(node, source)
                return totals, self._store.uncertain_since(node, source) if totals else None
            except EventStoreError as error:
                _LOG.warning("the totals of source %s begin at 0: %s", source, error)
                return {}, None

    def static_spots(self, node: str, source: str) -> list[StaticSpot]:
        """The static spots of a source."""
        return self._static.get((node, source), [])

    def put(self, messages: Sequence[EventMessage]) -> None:
        """Queue events; returns at once."""
        with self._changed:
            self._queue.extend(messages)
            self._changed.notify_all()

    def seen(self, node: str, source: str, last_unix_ns: int, uncertain_since_unix_ns: int | None) -> None:
        """Note until when a source was watched; returns at once."""
        with self._changed:
            self._seen[node, source] = last_unix_ns, uncertain_since_unix_ns

    @property
    def is_done(self) -> bool:
        """Whether every event was sent."""
        return not self._queue and not self._is_busy

    def close(self, wait_s: float) -> None:
        """Store and send what is queued, for so long at most, and close the file. Twice does no harm."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(wait_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._is_closing, timeout=_RETRY_S)
                batch, seen = list(self._queue), dict(self._seen)
                self._queue.clear()
                self._seen.clear()
                self._is_busy = True
                is_closing = self._is_closing
            try:
                self._write(batch, seen)
            finally:
                with self._changed:
                    self._is_busy = False
                    self._changed.notify_all()
            if batch:
                self._wake()
            if is_closing and self.is_done:
                break
        if self._store is not None:
            self._store.close()

    def _write(self, batch: list[EventMessage], seen: dict[tuple[str, str], tuple[int, int | None]]) -> None:
        if self._store is not None:
            self._waiting.extend(batch)
            try:
                if self._waiting:
                    self._store.add(self._waiting)
                    self._waiting.clear()
                for (node, source), (last_ns, since_ns) in seen.items():
                    self._store.seen(node, source, last_ns, since_ns)
                self._read_static(has_new=any(message.event.kind == "static" for message in batch))
                if time.monotonic() - self._removed_s > _REMOVE_EVERY_S:
                    self._removed_s = time.monotonic()
                    self._store.remove_old(self._keep_days)
                if self.warning is not None:
                    _LOG.warning("events are stored again")
                self.warning = None
            except EventStoreError as error:
                self._note(error)
        try:
            for message in batch:
                self._publisher.send_event(message)
        except PublisherError as error:
            _LOG.error("%d events were not sent: %s", len(batch), error)

    def _read_static(self, *, has_new: bool) -> None:
        """Read the static spots again after a new one, and after another program has changed the file."""
        assert self._store is not None
        before, self._data_version = self._data_version, self._store.data_version
        if has_new or before not in (None, self._data_version):
            self._static = self._store.static_spots()
            self.static_version += 1

    def _note(self, error: EventStoreError) -> None:
        if self.warning is None:
            _LOG.error("events are sent, but not stored: %s", error)
        while len(self._waiting) > _MAX_UNSTORED:
            self._waiting.popleft()
            self.unstored += 1
        self.warning = f"{len(self._waiting)} events wait to be stored, {self.unstored} are lost: {error}"
