"""Event store: events, minute counts and totals in an SQLite file, readable by other programs while it is written."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ..event import CountName
from ..wire.event_message import event_message_map
from ..wire.message_types import EventMessage
from .engine import total_of
from .static_spots import StaticSpot

VERSION = 1
MINUTE_NS = 60_000_000_000
STATIC_QUERY = (
    "SELECT node, source, phrase, body FROM events WHERE kind = 'static' AND NOT EXISTS (SELECT 1 FROM taken_back AS t"
    " WHERE t.node = events.node AND t.source = events.source AND t.epoch = events.epoch"
    " AND t.generation = events.generation AND t.number = events.number) ORDER BY rowid"
)
_BUSY_S = 5.0
_DAY_NS = 86_400 * 10**9

_TABLES = """
CREATE TABLE IF NOT EXISTS events (
  node TEXT, source TEXT, epoch INTEGER, generation INTEGER, number INTEGER,
  happened_unix_ns INTEGER, kind TEXT, place TEXT, phrase TEXT, direction TEXT, object TEXT, body TEXT,
  PRIMARY KEY (node, source, epoch, generation, number)
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (happened_unix_ns);
CREATE TABLE IF NOT EXISTS minutes (
  node TEXT, source TEXT, place TEXT, phrase TEXT, minute INTEGER,
  entered INTEGER DEFAULT 0, left INTEGER DEFAULT 0, "in" INTEGER DEFAULT 0, out INTEGER DEFAULT 0,
  PRIMARY KEY (node, source, place, phrase, minute)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (
  node TEXT, source TEXT, place TEXT, name TEXT, phrase TEXT, count INTEGER,
  PRIMARY KEY (node, source, place, name, phrase)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS taken_back (
  node TEXT, source TEXT, epoch INTEGER, generation INTEGER, number INTEGER,
  PRIMARY KEY (node, source, epoch, generation, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sources (
  node TEXT, source TEXT, last_unix_ns INTEGER, uncertain_since_unix_ns INTEGER,
  PRIMARY KEY (node, source)
) WITHOUT ROWID;
"""


class EventStoreError(OSError):
    """A file of events that cannot be opened, read or written; one sentence."""


class EventStore:
    """Writes one file; one thread at a time uses it.

    Each call is one transaction: after a kill, or on a full disk, all of it is stored or nothing. An event that is
    stored already, by its node, source, epoch, generation and number, is not stored again and counts nowhere twice.

    Args:
        path: the file, made with its folder where it is missing.

    Raises:
        EventStoreError: (from here and from every method) it cannot be opened or written, or is no file of events.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._guarded("opened"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            with self._guarded("opened"):
                self._prepare()
        except EventStoreError:
            self._connection.close()
            raise

    def add(self, messages: Sequence[EventMessage]) -> int:
        """Store events, and add them to the counts; returns how many were new."""
        with self._transaction():
            new = [message for message in messages if self._add(message)]
            for key, count in Counter(key for message in new if (key := _total_key(message)) is not None).items():
                self._connection.execute(
                    "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                    (*key, count),
                )
        return len(new)

    def seen(self, node: str, source: str, last_unix_ns: int, uncertain_since_unix_ns: int | None) -> None:
        """Store until when a source was watched, and since when its counts may be wrong."""
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)",
                (node, source, last_unix_ns, uncertain_since_unix_ns),
            )

    def totals(self, node: str, source: str) -> dict[tuple[str, CountName, str], int]:
        """What went over the borders of a source's places, since counting began."""
        with self._guarded("read"):
            rows = self._connection.execute(
                "SELECT place, name, phrase, count FROM totals WHERE node = ? AND source = ?", (node, source)
            ).fetchall()
        return {(place, name, phrase): count for place, name, phrase, count in rows}

    def uncertain_since(self, node: str, source: str) -> int | None:
        """Since when a source's counts may be wrong: since it was last watched, or since an earlier time."""
        with self._guarded("read"):
            row = self._connection.execute(
                "SELECT last_unix_ns, uncertain_since_unix_ns FROM sources WHERE node = ? AND source = ?",
                (node, source),
            ).fetchone()
        return None if row is None else row[1] if row[1] is not None else row[0]

    def static_spots(self) -> dict[tuple[str, str], list[StaticSpot]]:
        """The static spots of each node and source that were not taken back."""
        found: dict[tuple[str, str], list[StaticSpot]] = {}
        with self._guarded("read"):
            for node, source, phrase, body in self._connection.execute(STATIC_QUERY):
                left, top, right, bottom = json.loads(body)["event"]["box_xyxy"]
                found.setdefault((node, source), []).append(StaticSpot(phrase, (left, top, right, bottom)))
        return found

    def take_back(self, rowid: int) -> bool:
        """Take back a static spot by the number of its row; false where there is none of that number."""
        with self._transaction():
            return bool(
                self._connection.execute(
                    "INSERT OR IGNORE INTO taken_back SELECT node, source, epoch, generation, number"
                    " FROM events WHERE kind = 'static' AND rowid = ?",
                    (rowid,),
                ).rowcount
            )

    @property
    def data_version(self) -> int:
        """Changes when another program has changed the file."""
        with self._guarded("read"):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def remove_old(self, keep_days: float) -> int:
        """Remove events and minutes that are older than so many days; the totals stay. Returns how many events."""
        oldest_ns = time.time_ns() - int(keep_days * _DAY_NS)
        with self._transaction():
            removed = self._connection.execute(
                "DELETE FROM events WHERE happened_unix_ns < ? AND kind != 'static'", (oldest_ns,)
            ).rowcount
            self._connection.execute("DELETE FROM minutes WHERE minute < ?", (oldest_ns // MINUTE_NS,))
        with self._guarded("written"):
            self._connection.execute("PRAGMA incremental_vacuum")
        return removed

    def close(self) -> None:
        """Close the file. Twice does no harm."""
        self._connection.close()

    def __enter__(self) -> EventStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        execute = self._connection.execute
        (version,) = execute("PRAGMA user_version").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version > VERSION or (version == 0 and tables):
            raise EventStoreError(f"{self.path} is no file of events that this version can write: name another file")
        execute("PRAGMA auto_vacuum = INCREMENTAL")
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")

    def _add(self, message: EventMessage) -> bool:
        event, happened_ns = message.event, happened_unix_ns(message)
        values = (event.kind, event.place, event.phrase, event.direction, event.object)
        body = json.dumps(event_message_map(message), separators=(",", ":"))
        is_new = self._connection.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.node,
                message.source,
                message.epoch,
                message.generation,
                message.number,
                happened_ns,
                *values,
                body,
            ),
        ).rowcount
        if is_new and (total := _total_key(message)) is not None:
            _, _, place, name, phrase = total
            self._connection.execute(
                f'INSERT INTO minutes (node, source, place, phrase, minute, "{name}") VALUES (?, ?, ?, ?, ?, 1)'
                f' ON CONFLICT DO UPDATE SET "{name}" = "{name}" + 1',
                (message.node, message.source, place, phrase, happened_ns // MINUTE_NS),
            )
        return bool(is_new)

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with self._guarded("written"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _guarded(self, verb: str) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise EventStoreError(f"the file of events {self.path} cannot be {verb}: {error}") from error
        except OSError as error:
            if isinstance(error, EventStoreError):
                raise
            raise EventStoreError(f"the file of events {self.path} cannot be {verb}: {error.strerror}") from error


def happened_unix_ns(message: EventMessage) -> int:
    """When an event happened: by its picture's time, or, for files, by when it was sent."""
    captured_ns = message.event.captured_unix_ns
    return message.published_unix_ns if captured_ns is None else captured_ns


def _total_key(message: EventMessage) -> tuple[str, str, str, CountName, str] | None:
    total = total_of(message.event)
    return None if total is None else (message.node, message.source, *total)
