"""Stored events: reads a file of events, also while a node writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from ..wire.event_message import decode_event
from ..wire.message_types import EventMessage
from ..wire.packing import pack
from ..wire.topics import MessageError
from .store import MINUTE_NS, STATIC_QUERY, VERSION, EventStoreError

_BUSY_S = 5.0


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; None for all.

    Args:
        node, source, kind, place, phrase: exactly these.
        since_ns, until_ns: when they happened, unix; from the first to before the second.
    """

    node: str | None = None
    source: str | None = None
    kind: str | None = None
    place: str | None = None
    phrase: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class CountRow:
    """What went over the border of one place in one span of time.

    Args:
        node, source, place, phrase: whose.
        begin_unix_ns: of the span.
        entered, left: of a zone; ins, outs: of a line.
    """

    node: str
    source: str
    place: str
    phrase: str
    begin_unix_ns: int
    entered: int
    left: int
    ins: int
    outs: int


class StoredEvents:
    """Reads one file of events; each method sees one moment of it.

    Args:
        path: of the file.

    Raises:
        EventStoreError: (from here and from every method) it is not there, cannot be read, or is no file of events.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise EventStoreError(
                f"there is no file of events {path}: run a node with zones or lines, or name its file"
            )
        with self._guarded():
            address = f"file:{quote(str(path.absolute()))}?mode=ro"
            self._connection = sqlite3.connect(address, uri=True, timeout=_BUSY_S, isolation_level=None)
            try:
                (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            except sqlite3.Error:
                self._connection.close()
                raise
        if version != VERSION:
            self._connection.close()
            raise EventStoreError(f"{path} is no file of events that this version can read: name another file")

    def events(self, wanted: EventFilter, last: int | None = None) -> Iterator[EventMessage]:
        """The wanted events in the order in which they happened; with `last` only so many of the last ones."""
        where, values = _where(wanted, "happened_unix_ns", 1)
        newest_first = f"SELECT body FROM events{where} ORDER BY happened_unix_ns DESC, number DESC LIMIT ?"
        oldest_first = f"SELECT body FROM events{where} ORDER BY happened_unix_ns, number"
        with self._guarded():
            if last is not None:
                rows = self._connection.execute(newest_first, (*values, last)).fetchall()[::-1]
                bodies = iter(rows)
            else:
                bodies = self._connection.execute(oldest_first, values)
            for (body,) in bodies:
                yield _message(body)

    def counts(self, wanted: EventFilter, span_minutes: int | None = None) -> Iterator[CountRow]:
        """What went over borders, by place and phrase, in spans of so many minutes; None is one span for all."""
        where, values = _where(wanted, "minute", MINUTE_NS)
        span = "min(minute)" if span_minutes is None else f"minute / {int(span_minutes)} * {int(span_minutes)}"
        group = "" if span_minutes is None else ", span"
        query = (
            f'SELECT node, source, place, phrase, {span} AS span, sum(entered), sum(left), sum("in"), sum(out)'
            f" FROM minutes{where}"
            f" GROUP BY node, source, place, phrase{group} ORDER BY node, source, place, phrase{group}"
        )
        with self._guarded():
            for *texts, minute, entered, left, ins, outs in self._connection.execute(query, values):
                node, source, place, phrase = texts
                yield CountRow(node, source, place, phrase, minute * MINUTE_NS, entered, left, ins, outs)

    def static_spots(self) -> Iterator[tuple[int, EventMessage]]:
        """The static spots that were not taken back: the number of each row, and its event."""
        with self._guarded():
            query = STATIC_QUERY.replace("SELECT node, source, phrase, body", "SELECT rowid, body", 1)
            for rowid, body in self._connection.execute(query):
                yield rowid, _message(body)

    def uncertain_since(self) -> dict[tuple[str, str], int]:
        """Since when the counts of a node's source may be wrong, where they may."""
        with self._guarded():
            rows = self._connection.execute(
                "SELECT node, source, uncertain_since_unix_ns FROM sources WHERE uncertain_since_unix_ns IS NOT NULL"
            ).fetchall()
        return {(node, source): since_ns for node, source, since_ns in rows}

    def close(self) -> None:
        """Close the file. Twice does no harm."""
        self._connection.close()

    def __enter__(self) -> StoredEvents:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _guarded(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, MessageError, ValueError) as error:
            raise EventStoreError(f"the file of events {self.path} cannot be read: {error}") from error


def _where(wanted: EventFilter, time_column: str, unit_ns: int) -> tuple[str, list[str | int]]:
    """The condition of a query, and its values."""
    conditions: list[str] = []
    values: list[str | int] = []
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value is None or (field.name == "kind" and time_column == "minute"):
            continue
        if field.name in ("since_ns", "until_ns"):
            conditions.append(f"{time_column} {'>=' if field.name == 'since_ns' else '<'} ?")
            values.append(-(-value // unit_ns))
        else:
            conditions.append(f"{field.name} = ?")
            values.append(value)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


def _message(body: str) -> EventMessage:
    """The message that was stored; checked as one that was received."""
    return decode_event(pack(json.loads(body)))
