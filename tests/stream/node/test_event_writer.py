"""Events are sent although they cannot be stored, and stored once they can: on a file system that is truly full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from groundcast.stream.events.store import EventStoreError
from groundcast.stream.events.stored import EventFilter, StoredEvents
from groundcast.stream.node.event_writer import EventWriter
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.subscriber import Subscriber

from ...waiting import eventually
from ..events.test_store import CROSS

EVENTS = 400


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_events_go_out_on_a_full_disk_and_are_stored_when_there_is_room(small_disk: Path) -> None:
    ballast, path = small_disk / "ballast", small_disk / "events.sqlite"
    listening = PublisherOptions("tcp://127.0.0.1:*", high_water_mark=2 * EVENTS)

    with Publisher(listening, "shop") as publisher:
        writer = EventWriter(publisher, path, 90.0, lambda: None)
        assert eventually(path.exists)
        ballast.write_bytes(b"x" * 40_000)
        with Subscriber(publisher.address, events=True, timeout_s=30.0) as subscriber:
            assert publisher.wait_for_subscriber(30.0, lambda: False)
            for number in range(1, EVENTS + 1):
                writer.put([replace(CROSS, number=number)])
            received = [message.number for message in islice(subscriber.events(), EVENTS)]
        assert received == list(range(1, EVENTS + 1))
        assert eventually(lambda: writer.warning is not None)
        assert "full" in (writer.warning or "")

        subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
        assert eventually(lambda: writer.warning is None)
        writer.close(5.0)
    with closing(StoredEvents(path)) as stored:
        assert [message.number for message in stored.events(EventFilter())] == received


def test_a_file_that_cannot_be_opened_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, where a folder should be")

    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), "shop") as publisher, pytest.raises(EventStoreError):
        EventWriter(publisher, tmp_path / "taken" / "events.sqlite", 90.0, lambda: None)
