"""What the event recorder stores, what it says was lost, and what a disk that takes nothing does to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from groundcast.stream.events.store import EventStore, EventStoreError
from groundcast.stream.events.stored import EventFilter, StoredEvents
from groundcast.stream.recording.event_recorder import EventRecorder
from groundcast.stream.wire.event_message import encode_event
from groundcast.stream.wire.message import encode
from groundcast.stream.wire.message_types import EventMessage

from ..spoken import crossing, detections, status

EVT = b"evt/1/bench/wrist/"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


def record(path: Path, *messages: EventMessage) -> EventRecorder:
    recorder = EventRecorder(path, 90.0)
    for message in messages:
        recorder.take(EVT, [encode_event(message)])
    recorder.close()
    return recorder


def numbers(path: Path) -> list[int]:
    with StoredEvents(path) as read:
        return [message.number for message in read.events(EventFilter())]


def uncertain_ns(path: Path) -> int | None:
    with StoredEvents(path) as read:
        return read.uncertain_since().get(("bench", "wrist"))


def test_events_and_counts_are_stored_and_other_messages_are_not(path: Path) -> None:
    recorder = EventRecorder(path, 90.0)
    recorder.take(b"det/1/bench/wrist/", [encode(detections(1))])
    recorder.take(b"sys/1/bench/wrist/", [encode(status(1))])
    recorder.take(EVT, [b"no event"])
    recorder.take(EVT, [encode_event(replace(crossing(1), replay=True))])
    recorder.take(EVT, [encode_event(crossing(5))])  # the recorder joined late: nothing is lost
    recorder.close()

    assert (recorder.stored, recorder.lost, numbers(path)) == (1, 0, [5])
    assert uncertain_ns(path) is None
    with StoredEvents(path) as read:
        assert [row.ins for row in read.counts(EventFilter())] == [1]


def test_a_missing_number_is_a_loss_after_which_counts_are_uncertain(path: Path) -> None:
    first = crossing(2)

    assert record(path, first, crossing(3), replace(crossing(6), epoch=2), replace(crossing(7), epoch=2)).lost == 5
    since_ns = uncertain_ns(path)
    assert since_ns is not None
    assert since_ns >= first.published_unix_ns


def test_after_a_restart_counts_go_on_and_are_uncertain_since_the_last_word_of_the_source(path: Path) -> None:
    recorder = EventRecorder(path, 90.0)
    recorder.take(EVT, [encode_event(crossing(1))])
    last = status(9)
    recorder.take(b"sys/1/bench/wrist/", [encode(last)])
    recorder.close()

    again = record(path, crossing(1), crossing(2))

    assert (again.stored, numbers(path)) == (1, [1, 2])
    assert uncertain_ns(path) == last.published_unix_ns
    with EventStore(path) as store:
        assert store.totals("bench", "wrist") == {("belt", "in", "red mug"): 2}


def test_a_file_that_takes_nothing_for_a_time_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = EventRecorder(path, 90.0)
    monkeypatch.setattr("groundcast.stream.recording.event_recorder._RETRY_S", 0.0)
    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE events RENAME TO hidden")
        recorder.take(EVT, [encode_event(crossing(1))])
        recorder.flush_when_due()
        assert (recorder.stored, recorder.unstored) == (0, 0)
        other.execute("ALTER TABLE hidden RENAME TO events")
    recorder.take(EVT, [encode_event(crossing(2))])
    recorder.close()

    assert (recorder.stored, recorder.unstored, numbers(path)) == (2, 0, [1, 2])


def test_what_cannot_be_stored_until_the_end_is_said(path: Path) -> None:
    recorder = EventRecorder(path, 90.0)
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE events")
    recorder.take(EVT, [encode_event(crossing(1))])

    with pytest.raises(EventStoreError, match="1 events are not stored"):
        recorder.close()
