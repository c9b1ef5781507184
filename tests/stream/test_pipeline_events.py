"""Events of a node, from a real clip to a real subscriber and a real file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.event import PlaceCounts
from groundcast.stream.geometry_options import GeometryOptions, Intrinsics, Placement, SupportPlane
from groundcast.stream.options import EventStoreOptions, NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.source_url import SourceError
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message_types import EventMessage, StatusMessage
from groundcast.stream.zone import LineOptions, ZoneOptions

from .blob_detector import BlobDetector
from .running_node import HEIGHT, RED_AND_GREEN, WIDTH

MIDDLE = LineOptions("middle", ((WIDTH / 2, 0), (WIDTH / 2, HEIGHT)))
LEFT = ZoneOptions("left", ((0, 0), (WIDTH / 2, 0), (WIDTH / 2, HEIGHT), (0, HEIGHT)))


BELT = LineOptions("belt", frame="base", points_m=((0.0, 0.6), (0.0, -0.6)), point="position")
FROM_ABOVE = GeometryOptions(  # picture right is +x, picture down is -y
    Intrinsics(WIDTH, HEIGHT, 300.0, 300.0, WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5),
    base_from_camera=Placement((0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0)),
    plane=SupportPlane(),
)


def run_clip(
    clip: str, store: Path | None, use_async: bool = False, **changes: Any
) -> tuple[list[EventMessage], StatusMessage]:
    """The events of a whole run, and the source's last status."""
    source = SourceOptions("clip", clip, zones=(LEFT,), lines=(MIDDLE,), object_events=("appear", "disappear"))
    source = replace(source, **changes)
    listening = PublisherOptions("tcp://127.0.0.1:*", wait_for_subscriber_s=20.0)
    options = NodeOptions("bench", (source,), publisher=listening, events=EventStoreOptions(store))

    async def collect(subscriber: Subscriber) -> list[EventMessage]:
        return [message async for message in subscriber.events()]

    with Publisher(listening, "bench") as publisher, closing(BlobDetector()) as detector:
        pipeline = Pipeline(options, detector, RED_AND_GREEN, publisher)
        running = threading.Thread(target=pipeline.run, args=(threading.Event(),))
        with Subscriber(publisher.address, events=True, timeout_s=30.0) as subscriber:
            running.start()
            events = asyncio.run(collect(subscriber)) if use_async else list(subscriber.events())
            status = subscriber.statuses["clip"]
            assert subscriber.event_gaps == 0
        running.join()
    return events, status


def test_a_subscriber_gets_every_event_and_the_counts(clip: str, tmp_path: Path) -> None:
    events, status = run_clip(clip, tmp_path / "events.sqlite")

    crossed = {(m.event.phrase, m.event.direction) for m in events if m.event.kind == "cross"}
    assert crossed == {("red blob", "out"), ("green blob", "in")}
    assert [message.number for message in events] == list(range(1, len(events) + 1))
    assert sum(message.event.kind == "appear" for message in events) == 2
    assert sum(message.event.kind == "disappear" for message in events) == 2
    assert PlaceCounts("middle", "line", {}, {"in": {"green blob": 1}, "out": {"red blob": 1}}) in status.counts
    assert status.state == "ended"


def test_events_come_in_asyncio_and_without_a_file_too(clip: str) -> None:
    events, _ = run_clip(clip, None, use_async=True)

    assert sum(message.event.kind == "cross" for message in events) == 2


def test_a_line_in_metres_counts_what_the_one_in_pixels_does(clip: str) -> None:
    _, status = run_clip(clip, None, lines=(MIDDLE, BELT), geometry=FROM_ABOVE)

    totals = {one.name: one.totals for one in status.counts}
    assert totals["belt"] == totals["middle"] == {"in": {"green blob": 1}, "out": {"red blob": 1}}


def test_places_in_metres_are_refused_where_no_position_is_in_their_frame(clip: str) -> None:
    source = SourceOptions("clip", clip, lines=(BELT,))

    with pytest.raises(SourceError, match="source clip: line 'belt' is in metres, but the source has no geometry"):
        check_source(source)
    with pytest.raises(SourceError, match="the positions are in frame 'table'"):
        check_source(replace(source, geometry=replace(FROM_ABOVE, frame="table")))
    check_source(replace(source, geometry=FROM_ABOVE))


def test_totals_go_on_in_the_next_run_and_every_event_is_stored(clip: str, tmp_path: Path) -> None:
    store = tmp_path / "events.sqlite"

    first, _ = run_clip(clip, store)
    second, status = run_clip(clip, store)

    with closing(sqlite3.connect(store)) as reader:
        stored = reader.execute("SELECT epoch, number FROM events ORDER BY epoch, number").fetchall()
    assert stored == [(message.epoch, message.number) for message in (*first, *second)]
    (middle,) = [one for one in status.counts if one.name == "middle"]
    assert middle.totals == {"in": {"green blob": 2}, "out": {"red blob": 2}}
    assert status.uncertain_since_unix_ns is not None
