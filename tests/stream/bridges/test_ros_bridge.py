"""The ROS 2 bridge: a node's messages arrive on ROS topics, and ROS's prompts at the node."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundcast.stream.bridges.dds_node import DdsNode
from groundcast.stream.bridges.feed import FeedOptions
from groundcast.stream.bridges.prompt_requests import PromptRequests
from groundcast.stream.bridges.ros_bridge import RosBridge
from groundcast.stream.bridges.ros_topics import RosTopics
from groundcast.stream.control.server import ControlServer
from groundcast.stream.options import ControlOptions, PublisherOptions
from groundcast.stream.position import Position
from groundcast.stream.publish.publisher import Publisher

from ...waiting import eventually
from ..plain_node import PlainNode
from ..spoken import ANY_PORT, JPEG, detections, speaking, status
from .ros_listener import DOMAIN, RosListener


@pytest.fixture(scope="module")
def listener() -> RosListener:
    return RosListener()


@contextmanager
def bridge_from(address: str, requests: PromptRequests | None = None) -> Generator[RosBridge]:
    """A bridge that runs in a thread, with a participant of its own in the domain that the listener has joined."""
    over = threading.Event()
    with closing(DdsNode(DOMAIN, loopback=False)) as node:
        bridge = RosBridge(FeedOptions(address), node, RosTopics(), requests=requests)
        thread = threading.Thread(target=bridge.run, args=(over.is_set,))
        thread.start()
        try:
            yield bridge
        finally:
            over.set()
            thread.join()


@contextmanager
def controlled(node: PlainNode, folder: Path) -> Generator[ControlServer]:
    with closing(ControlServer(ControlOptions(f"ipc://{folder}/control"))) as server:
        server.start(node, lambda: None)
        yield server


def asking(listener: RosListener, phrase: str) -> Any:
    """A publisher that asks for a phrase as long as it exists."""
    writer, text = listener.writer("/groundcast/ask")
    assert eventually(lambda: bool(writer.get_matched_subscriptions()))
    writer.write(text(data=phrase))
    return writer


def taken(reader: Any, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """What a reader receives until it is enough."""
    samples: list[Any] = []

    def is_enough() -> bool:
        samples.extend(reader.take(100))
        return enough(samples)

    assert eventually(is_enough), samples
    return samples


def test_tracks_arrive_as_detections_with_the_time_of_their_picture(listener: RosListener) -> None:
    reader = listener.reader("/groundcast/wrist/detections", "vision_msgs/msg/Detection2DArray")

    with Publisher(PublisherOptions(ANY_PORT), "bench") as publisher, bridge_from(publisher.address):
        eventually(lambda: publisher.send_status(status(0)) or bool(reader.get_matched_publications()))
        sent = detections(1)
        publisher.send_detections(sent)
        (message,) = taken(reader, lambda samples: len(samples) == 1)

    (found,) = message.detections
    assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == sent.frame.captured_unix_ns
    assert message.header.frame_id == "wrist"
    assert (found.id, found.results[0].hypothesis.class_id) == ("7", "red mug")
    assert found.results[0].hypothesis.score == 0.9
    assert (found.bbox.center.position.x, found.bbox.center.position.y) == (15.5, 21.0)
    assert (found.bbox.size_x, found.bbox.size_y) == (29.0, 38.0)


def test_positions_arrive_in_metres_with_their_covariance(listener: RosListener) -> None:
    message = detections(1)
    place = Position("base", (0.4, -0.1, 0.05), (1e-4, 0, 0, 4e-4, 0, 9e-4), "depth")
    message = replace(message, tracks=tuple(replace(track, position=place) for track in message.tracks))
    arrays = listener.reader("/groundcast/wrist/detections_3d", "vision_msgs/msg/Detection3DArray")
    shapes = listener.reader("/groundcast/wrist/markers", "visualization_msgs/msg/MarkerArray", reliable=True)

    with Publisher(PublisherOptions(ANY_PORT), "bench") as publisher, bridge_from(publisher.address):
        known = (arrays, shapes)
        assert eventually(
            lambda: publisher.send_status(status(0)) or all(one.get_matched_publications() for one in known)
        )
        publisher.send_detections(message)
        (found,) = taken(arrays, lambda samples: len(samples) == 1)
        (drawn,) = taken(shapes, lambda samples: len(samples) == 1)

    measured = found.detections[0].results[0].pose
    assert found.header.frame_id == "base"
    assert (measured.pose.position.x, measured.pose.position.y, measured.pose.position.z) == place.xyz_m
    assert [measured.covariance[index] for index in (0, 7, 14)] == [1e-4, 4e-4, 9e-4]
    assert [one.text for one in drawn.markers] == ["", "", "red mug 7"]


def test_pictures_are_fetched_only_while_a_node_of_ros_subscribes(listener: RosListener) -> None:
    with (
        Publisher(PublisherOptions(ANY_PORT), "bench") as publisher,
        bridge_from(publisher.address) as bridge,
        speaking(publisher),
    ):
        eventually(lambda: publisher.send_status(status(0)) or bridge.figures.received > 20)
        assert not publisher.wants_pictures("wrist")
        reader = listener.reader("/groundcast/wrist/image/compressed", "sensor_msgs/msg/CompressedImage")
        picture = taken(reader, lambda samples: len(samples) > 0)[0]
        del reader
        assert eventually(lambda: not publisher.wants_pictures("wrist"))

    assert (picture.format, bytes(picture.data)) == ("jpeg", JPEG)
    assert picture.header.frame_id == "wrist"


def test_the_state_of_a_source_is_a_diagnostic(listener: RosListener) -> None:
    reader = listener.reader("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", reliable=True)

    with Publisher(PublisherOptions(ANY_PORT), "bench") as publisher, bridge_from(publisher.address):
        eventually(lambda: publisher.send_status(status(0)) or bool(reader.get_matched_publications()))
        publisher.send_status(status(3, "reconnecting"))
        messages = taken(reader, lambda samples: any(one.status[0].level == 1 for one in samples))

    told = next(one.status[0] for one in messages if one.status[0].level == 1)
    assert (told.name, told.message, told.hardware_id) == ("groundcast: bench/wrist", "reconnecting", "wrist")
    assert ("state", "reconnecting") in {(pair.key, pair.value) for pair in told.values}


def test_a_text_on_the_prompt_topic_changes_the_prompt(listener: RosListener, tmp_path: Path) -> None:
    node = PlainNode("wrist")
    with (
        Publisher(PublisherOptions(ANY_PORT), "bench") as publisher,
        controlled(node, tmp_path) as server,
        bridge_from(publisher.address, PromptRequests(server.address)),
    ):
        before = node.version
        writer, text = listener.writer("/groundcast/prompt")
        eventually(lambda: bool(writer.get_matched_subscriptions()))
        writer.write(text(data="blue cube . red mug"))
        assert eventually(lambda: node.base.names == ("blue cube", "red mug"))

    assert node.version > before


def test_a_lease_ends_with_its_publisher(listener: RosListener, tmp_path: Path) -> None:
    node = PlainNode("wrist")
    with (
        Publisher(PublisherOptions(ANY_PORT), "bench") as publisher,
        controlled(node, tmp_path) as server,
        bridge_from(publisher.address, PromptRequests(server.address)),
    ):
        names = ["bolt", "nut", "screw", "washer", "rivet", "nail", "pin"]  # half of all handles have the sign bit
        writers = [asking(listener, name) for name in names]
        assert eventually(lambda: {one.phrases for one in node.status().leases} == {(name,) for name in names})
        del writers[0]
        assert eventually(lambda: {one.phrases for one in node.status().leases} == {(name,) for name in names[1:]})
        for writer in writers:
            writer.write(writer.data_type(data=""))
        assert eventually(lambda: not node.status().leases)
