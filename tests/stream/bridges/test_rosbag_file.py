"""Rosbag files: rosbags and mcap's own ROS 2 decoder read what was written, with the same stamps."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.rosbag2 import Reader

from groundcast.stream.bridges.ros_definitions import type_store
from groundcast.stream.bridges.ros_topics import RosTopics
from groundcast.stream.bridges.rosbag_file import RosbagError, RosbagFile
from groundcast.stream.position import Position
from groundcast.stream.recording.mcap_reader import McapReader
from groundcast.stream.wire.message import encode
from groundcast.stream.wire.message_types import DetectionMessage

from ..golden_run import GOLDEN
from ..spoken import DET, IMG, JPEG, SYS, detections, header, status

DETECTIONS = "/groundcast/wrist/detections"


def read(path: Path) -> list[tuple[str, int, Any]]:
    """Topic, time and message of all that rosbags finds in a file."""
    with Reader(path) as bag:
        return [
            (connection.topic, moment_ns, type_store().deserialize_cdr(data, connection.msgtype))
            for connection, moment_ns, data in bag.messages()
        ]


def stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def with_position(message: DetectionMessage) -> DetectionMessage:
    place = Position("base", (0.4, -0.1, 0.05), (1e-4, 0, 0, 1e-4, 0, 1e-4), "depth")
    return replace(message, tracks=tuple(replace(track, position=place) for track in message.tracks))


@pytest.fixture
def bag(tmp_path: Path) -> tuple[Path, list[DetectionMessage]]:
    """Twenty messages with their pictures, some before their message, and a status."""
    path = tmp_path / "run.mcap"
    sent = [with_position(detections(seq)) for seq in range(1, 21)]
    with RosbagFile(path, RosTopics()) as file:
        for message in sent:
            parts = [(DET, (encode(message),)), (IMG, (encode(header(message.seq)), JPEG))]
            for topic, body in parts if message.seq % 2 else reversed(parts):
                file.put(topic, body, message.published_unix_ns + 1000)
        file.put(SYS, (encode(status(20)),), sent[-1].published_unix_ns + 2000)
        file.put(DET, (b"\xc1",), sent[-1].published_unix_ns + 3000)
        assert file.unread == 1
    return path, sent


def test_rosbags_reads_the_same_stamps(bag: tuple[Path, list[DetectionMessage]]) -> None:
    path, sent = bag
    found = read(path)
    of = {topic: [(moment, message) for name, moment, message in found if name == topic] for topic, _, _ in found}

    assert [stamp_ns(message) for _, message in of[DETECTIONS]] == [one.frame.captured_unix_ns for one in sent]
    assert [moment for moment, _ in of[DETECTIONS]] == [one.published_unix_ns + 1000 for one in sent]
    pictures = of["/groundcast/wrist/image/compressed"]
    assert sorted(stamp_ns(message) for _, message in pictures) == [one.frame.captured_unix_ns for one in sent]
    assert bytes(pictures[0][1].data) == JPEG
    assert of["/groundcast/wrist/detections_3d"][0][1].detections[0].bbox.center.position.x == 0.4
    assert len(of["/groundcast/wrist/markers"]) == 20
    assert of["/diagnostics"][0][1].status[0].name == "groundcast: bench/wrist"


def test_the_decoder_of_mcap_reads_it_too(bag: tuple[Path, list[DetectionMessage]]) -> None:
    path, sent = bag
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        found = [message for _, _, _, message in reader.iter_decoded_messages(topics=[DETECTIONS])]

    assert [stamp_ns(one) for one in found] == [one.frame.captured_unix_ns for one in sent]
    assert found[0].detections[0].results[0].hypothesis.class_id == "red mug"


def test_a_recording_of_a_real_run_becomes_a_bag_of_as_many_messages(tmp_path: Path) -> None:
    with RosbagFile(tmp_path / "golden.mcap", RosTopics()) as file:
        for message in McapReader(GOLDEN):
            file.put(message.topic, message.parts, message.received_unix_ns)

    found = [topic for topic, _, _ in read(tmp_path / "golden.mcap")]
    assert found.count("/groundcast/table/detections") == 80
    assert len(found) == file.messages
    assert file.unread == 0


def test_no_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.mcap").write_text("mine")

    with pytest.raises(RosbagError, match=r"mine\.mcap cannot be written"):
        RosbagFile(tmp_path / "mine.mcap", RosTopics())


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    def fill() -> None:
        message = detections(1)
        with Path("/dev/full").open("wb") as full, RosbagFile(tmp_path / "run.mcap", RosTopics()) as file:
            os.dup2(full.fileno(), file._file.fileno())  # pyright: ignore[reportPrivateUsage]
            for _ in range(100):
                file.put(DET, (encode(message),), message.published_unix_ns)
                file.put(IMG, (encode(header(1)), os.urandom(200_000)), message.published_unix_ns)

    with pytest.raises(RosbagError, match=r"run\.mcap cannot be written \(No space left on device\)"):
        fill()
