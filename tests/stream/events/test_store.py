"""The file of events, written and read by real SQLite."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from groundcast.stream.event import Event
from groundcast.stream.events.store import EventStore, EventStoreError
from groundcast.stream.wire.message_types import EventMessage

NOW_NS = time.time_ns()
CROSS = EventMessage(
    node="shop",
    source="door",
    epoch=5,
    generation=1,
    seq=10,
    number=1,
    published_unix_ns=NOW_NS,
    event=Event(kind="cross", time_s=1.5, captured_unix_ns=NOW_NS - 10**9, place="line", phrase="mug", direction="in"),
)


def test_an_event_that_is_stored_twice_counts_once(tmp_path: Path) -> None:
    with EventStore(tmp_path / "new" / "events.sqlite") as store:
        assert store.add([CROSS, replace(CROSS, number=2)]) == 2
        assert store.add([CROSS]) == 0

        assert store.totals("shop", "door") == {("line", "in", "mug"): 2}


def test_other_programs_read_the_file_while_it_is_written(tmp_path: Path) -> None:
    with EventStore(tmp_path / "events.sqlite") as store:
        store.add([CROSS])
        with sqlite3.connect(f"file:{store.path}?mode=ro", uri=True) as reader:
            store.add([replace(CROSS, number=2)])
            assert reader.execute('SELECT count(*), sum("in") FROM events, minutes').fetchone() == (2, 4)
        reader.close()


def test_old_events_are_removed_and_totals_stay(tmp_path: Path) -> None:
    old_ns = NOW_NS - 11 * 86_400 * 10**9
    old = replace(CROSS, event=replace(CROSS.event, captured_unix_ns=old_ns))

    with EventStore(tmp_path / "events.sqlite") as store:
        store.add([old, replace(CROSS, number=2)])
        assert store.remove_old(10.0) == 1
        assert store.totals("shop", "door") == {("line", "in", "mug"): 2}


def test_counts_are_uncertain_since_the_source_was_last_watched(tmp_path: Path) -> None:
    with EventStore(tmp_path / "events.sqlite") as store:
        assert store.uncertain_since("shop", "door") is None
        store.seen("shop", "door", 100, None)
        assert store.uncertain_since("shop", "door") == 100
        store.seen("shop", "door", 200, 50)
        assert store.uncertain_since("shop", "door") == 50


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("no database, but a page of notes that is long enough to be looked at" * 20)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()

    for path in (text, other):
        with pytest.raises(EventStoreError, match=path.name):
            EventStore(path)
