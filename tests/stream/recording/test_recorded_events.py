"""Events of a node are recorded, replayed to a subscriber, and moved to the present."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.recording.counters import RecordingCounters
from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.recording.raw_publisher import RawPublisher
from groundcast.stream.recording.raw_subscriber import RawSubscriber
from groundcast.stream.recording.recorder import record
from groundcast.stream.recording.restamp import Restamp
from groundcast.stream.recording.rotation import RotatingRecording, RotationOptions
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.event_message import decode_event

from ..wire.test_event_message import CROSS

EVENTS = [replace(CROSS, number=number) for number in range(1, 21)]


def recorded(path: Path) -> Path:
    """A recording of a publisher that sends these events."""
    counters, over = RecordingCounters(), time.monotonic() + 30.0
    with (
        Publisher(PublisherOptions("tcp://127.0.0.1:*"), CROSS.node) as publisher,
        RawSubscriber(publisher.address) as tap,
        closing(RotatingRecording(path, RotationOptions(), {})) as recording,
    ):
        assert publisher.wait_for_subscriber(30.0, lambda: False)
        for message in EVENTS:
            publisher.send_event(message)
        record(tap, recording, counters, lambda: counters.messages == len(EVENTS) or time.monotonic() > over)
    assert (counters.malformed, counters.refused, counters.gaps.total()) == (0, 0, 0)
    return path


def test_a_recording_replays_events_as_they_were(tmp_path: Path) -> None:
    stored = list(McapReader(recorded(tmp_path / "a.mcap")))
    address = f"ipc://{tmp_path}/node"

    def play() -> None:
        with RawPublisher(address, lossless=True) as sender:
            sender.wait_for_subscriber(30.0, lambda: False)
            for message in stored:
                sender.send(message.topic, message.parts, lambda: False)

    playing = threading.Thread(target=play)
    with Subscriber(address, events=True, timeout_s=30.0) as subscriber:
        playing.start()
        stream = subscriber.events()
        got = [next(stream) for _ in EVENTS]
    playing.join()
    assert got == EVENTS


def test_an_event_that_is_moved_to_the_present_keeps_its_distances(tmp_path: Path) -> None:
    message = next(iter(McapReader(recorded(tmp_path / "a.mcap"))))

    moved = decode_event(Restamp()(message.topic, message.parts)[0])

    by_ns = moved.published_unix_ns - CROSS.published_unix_ns
    assert abs(time.time_ns() - moved.published_unix_ns) < 60e9
    assert moved.event.captured_unix_ns == (CROSS.event.captured_unix_ns or 0) + by_ns
    assert moved.uncertain_since_unix_ns == (CROSS.uncertain_since_unix_ns or 0) + by_ns
