"""Disk queue: what waits to be delivered, in a file that outlives the bridge and has a bound."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOG = logging.getLogger(__name__)
_SAY_EVERY_S = 60.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


class QueueError(OSError):
    """The queue's file cannot be used; one sentence."""


@dataclass(frozen=True, slots=True)
class QueueBounds:
    """How much may wait; beyond that the oldest is dropped."""

    max_items: int = 100_000
    max_bytes: int = 200_000_000


@dataclass(frozen=True, slots=True)
class QueuedItem:
    """One thing to deliver.

    Args:
        id: grows with each item.
        lane: whose order counts: the source.
        key: names it; equal when the same thing is delivered again.
        body: what is sent.
    """

    id: int
    lane: str
    key: str
    body: bytes


class DiskQueue:
    """Items in the order in which they came. What was put is there again after kill -9. Use it from any thread.

    Only one process can have it open. A full disk drops what comes, counts it and says so.

    Args:
        path: the file, which is made where it is missing; only this user can read it.
        bounds: how much may wait.

    Attributes:
        dropped: items that the bound or a full disk has cost, since the file was made.

    Raises:
        QueueError: the file cannot be made, is another program's, or is in use.
    """

    def __init__(self, path: Path, bounds: QueueBounds | None = None) -> None:
        self.path = path
        self._bounds = bounds or QueueBounds()
        self._lock = threading.Lock()
        self._said_s = float("-inf")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._database = sqlite3.connect(path, timeout=1.0, check_same_thread=False, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise QueueError(f"queue {path} cannot be opened ({_reason(error)}): name another file") from error
        try:
            # One process at a time; with it, the write-ahead log needs no shared memory.
            for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
                self._database.execute(f"PRAGMA {setting}")
            self._database.executescript(_SCHEMA)
            self._items, self._bytes = self._sum()
            self.dropped = self._counted("dropped")
        except sqlite3.Error as error:
            self._database.close()
            raise QueueError(_refusal(path, error)) from error

    def __len__(self) -> int:
        return self._items

    def put(self, lane: str, key: str, body: bytes) -> None:
        """Add an item; one with a key that waits already is left out."""
        with self._lock:
            try:
                added = self._database.execute(
                    "INSERT OR IGNORE INTO waiting (lane, key, body) VALUES (?, ?, ?)", (lane, key, body)
                )
            except sqlite3.Error as error:
                self.dropped += 1
                self._say(f"{self.path} cannot be written ({_reason(error)}): events are dropped")
                return
            if added.rowcount == 1:
                self._items, self._bytes = self._items + 1, self._bytes + len(body)
                if self._items > self._bounds.max_items or self._bytes > self._bounds.max_bytes:
                    self._drop_oldest()

    def after(self, last_id: int, count: int, without: Collection[str] = ()) -> Sequence[QueuedItem]:
        """Items beyond `last_id`, the oldest first, `count` at most; none of the lanes in `without`."""
        marks = ",".join("?" * len(without))
        with self._lock:
            rows = self._database.execute(
                f"SELECT id, lane, key, body FROM waiting WHERE id > ? AND lane NOT IN ({marks}) ORDER BY id LIMIT ?",
                (last_id, *without, count),
            ).fetchall()
        return [QueuedItem(*row) for row in rows]

    def remove(self, ids: Collection[int]) -> None:
        """Remove items that were delivered, or that the receiver will never take."""
        with self._lock:
            try:
                self._database.execute("BEGIN")
                for one in ids:
                    self._remove(one)
                self._database.execute("COMMIT")
            except sqlite3.Error as error:  # they stay, and are delivered again after a restart
                self._say(f"{self.path} cannot be written ({_reason(error)}): delivered events stay in it")

    def close(self) -> None:
        """Close the file. May be called twice."""
        with self._lock:
            self._database.close()

    def _remove(self, one: int) -> None:
        row = self._database.execute("DELETE FROM waiting WHERE id = ? RETURNING LENGTH(body)", (one,)).fetchone()
        if row is not None:
            self._items, self._bytes = self._items - 1, self._bytes - int(row[0])

    def _drop_oldest(self) -> None:
        """Make room for a hundredth, so that not every item that comes costs another transaction."""
        bounds, lost = self._bounds, 0
        try:
            self._database.execute("BEGIN")
            while self._items > bounds.max_items - bounds.max_items // 100 or self._bytes > bounds.max_bytes:
                ((oldest,),) = self._database.execute("SELECT MIN(id) FROM waiting").fetchall()
                if oldest is None:
                    break
                self._remove(oldest)
                lost += 1
            self.dropped += lost
            self._database.execute("INSERT OR REPLACE INTO counts VALUES ('dropped', ?)", (self.dropped,))
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._say(f"{self.path} cannot be written ({_reason(error)})")
        self._say(f"{self.path} is full with {self._items} events: {self.dropped} of the oldest were dropped so far")

    def _sum(self) -> tuple[int, int]:
        items, size = self._database.execute("SELECT COUNT(*), TOTAL(LENGTH(body)) FROM waiting").fetchone()
        return int(items), int(size)

    def _counted(self, name: str) -> int:
        row = self._database.execute("SELECT value FROM counts WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def _say(self, text: str) -> None:
        if time.monotonic() >= self._said_s + _SAY_EVERY_S:
            self._said_s = time.monotonic()
            _LOG.warning("%s", text)


def _reason(error: OSError | sqlite3.Error) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _refusal(path: Path, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"queue {path} is in use by another bridge: name another file"
    return f"queue {path} is not one of groundcast, or is damaged ({error}): move it away, or name another file"
