"""A good run that was kept: played back, subscribers get it; run again, the pipeline still answers so."""

# msgpack leaves its types open.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import threading
from pathlib import Path

import msgpack
import pytest
from mcap.reader import make_reader

from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.recording.playback import playback
from groundcast.stream.recording.raw_publisher import RawPublisher
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections
from groundcast.stream.wire.message_types import DetectionMessage, StatusMessage

from .golden_run import FRAMES, GOLDEN, PROMPT, record_run

NEAR_PX = 3.0


def kept_maps() -> list[dict[str, object]]:
    """The detections in the kept recording, read with nothing of ours."""
    with GOLDEN.open("rb") as file:
        stored = make_reader(file).iter_messages(topics=["det/1/golden/table/"])
        return [msgpack.unpackb(message.data) for _, _, message in stored]


def play(address: str) -> None:
    with RawPublisher(address, lossless=True) as sender:
        sender.wait_for_subscriber(30, lambda: False)
        for _, message in playback([McapReader(GOLDEN)]):
            sender.send(message.topic, message.parts, lambda: False)


def detections_in(path: Path) -> list[DetectionMessage]:
    bodies = [message.parts[0] for message in McapReader(path) if message.topic.startswith(b"det/")]
    return [decode_detections(body) for body in bodies]


def test_subscribers_get_the_kept_run_as_it_was(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/node"
    playing = threading.Thread(target=play, args=(address,))
    statuses: list[StatusMessage] = []

    with Subscriber(address, newest_only=False, timeout_s=30, on_status=statuses.append) as subscriber:
        playing.start()
        got = list(subscriber)
    playing.join()

    kept = kept_maps()
    assert len(got) == len(kept) == FRAMES
    assert got == detections_in(GOLDEN)
    for message, values in zip(got, kept, strict=True):
        assert (message.node, message.epoch, message.seq) == ("golden", values["epoch"], values["seq"])
        assert message.published_unix_ns == values["published_unix_ns"]
        tracks = values["tracks"]
        assert isinstance(tracks, list)
        assert [list(track.box_xyxy) for track in message.tracks] == [track["box_xyxy"] for track in tracks]
    assert (subscriber.gaps, subscriber.refused) == (0, {})
    assert statuses[-1].state == "ended"


def test_the_pipeline_still_answers_as_in_the_kept_run(tmp_path: Path) -> None:
    record_run(tmp_path / "now.mcap", tmp_path)

    now, then = detections_in(tmp_path / "now.mcap"), detections_in(GOLDEN)
    assert len(then) == FRAMES
    assert {track.phrase for message in then for track in message.tracks} == set(PROMPT.names)
    assert [summary(message) for message in now] == [summary(message) for message in then]
    for new, old in zip(now, then, strict=True):
        for track, before in zip(new.tracks, old.tracks, strict=True):
            assert track.box_xyxy == pytest.approx(before.box_xyxy, abs=NEAR_PX)
            assert track.velocity_px_s == pytest.approx(before.velocity_px_s, abs=30)


def summary(message: DetectionMessage) -> tuple[object, ...]:
    """What must be equal to the letter."""
    tracks = [(track.id, track.phrase, track.state, track.misses) for track in message.tracks]
    return message.seq, message.frame, message.model, message.prompt, tracks
