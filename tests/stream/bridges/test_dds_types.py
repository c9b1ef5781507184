"""ROS 2 messages on DDS: the bytes are those that rosbags writes, for every type that the bridge sends."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
import random
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import numpy as np
import pytest
from rosbags.interfaces import Nodetype

from groundcast.stream.bridges.dds_types import dds_sample, dds_type
from groundcast.stream.bridges.ros_definitions import definition_text, type_hash, type_store
from groundcast.stream.bridges.ros_messages import RosMessage, RosString

KINDS = get_args(RosMessage)
_TEXTS = ("", "red mug", "tasse à café", "x" * 301)
_NUMBERS = {"float64": "f8", "float32": "f4", "uint8": "u1", "int32": "i4", "uint32": "u4"}


def drawn(kind: Any, rng: random.Random) -> Any:
    """A message of random content, some lists empty."""
    values: dict[str, Any] = {}
    members = dict(type_store().fielddefs[kind.ROS_TYPE][1])
    assert [one.name for one in fields(kind)] == list(members)
    for one in fields(kind):
        node, detail = members[one.name]
        values[one.name] = _drawn(kind, one.name, node, detail, rng)
    return kind(**values)


def _drawn(kind: Any, name: str, node: Nodetype, detail: Any, rng: random.Random) -> Any:
    if node == Nodetype.NAME:
        return drawn(_class_of(detail), rng)
    if node == Nodetype.BASE:
        return _plain(detail[0], rng)
    element, count = detail
    if node == Nodetype.ARRAY:
        return np.array([_plain(element[1][0], rng) for _ in range(count)], _NUMBERS[element[1][0]])
    if element[0] == Nodetype.BASE:
        return np.frombuffer(rng.randbytes(rng.choice((0, 1, 7, 5000))), np.uint8)
    return [drawn(_class_of(element[1]), rng) for _ in range(rng.choice((0, 1, 3)))]


def _plain(name: str, rng: random.Random) -> Any:
    if name == "string":
        return rng.choice(_TEXTS)
    if name.startswith("float"):
        return rng.choice((0.0, -1.5, 1e9, math.inf, 0.25))
    return {"bool": rng.random() < 0.5, "int32": rng.randint(-(2**31), 2**31 - 1)}.get(name, rng.randint(0, 127))


def _class_of(ros_type: str) -> Any:
    from groundcast.stream.bridges import ros_messages

    every = (one for one in vars(ros_messages).values() if getattr(one, "ROS_TYPE", "") == ros_type)
    return next(every)


def of_cyclonedds(message: Any) -> Any:
    """The message as an object that cyclonedds serializes itself."""
    values = (getattr(message, one.name) for one in fields(message))
    return dds_type(message.ROS_TYPE)(*map(_of_cyclonedds, values))


def _of_cyclonedds(value: Any) -> Any:
    if isinstance(value, list):
        return [of_cyclonedds(one) for one in value]
    return value.tolist() if isinstance(value, np.ndarray) else of_cyclonedds(value) if is_dataclass(value) else value


def of_rosbags(message: Any) -> Any:
    """The message as an object of rosbags' own class."""
    made = type_store().types[message.ROS_TYPE]
    values = {one.name: getattr(message, one.name) for one in fields(message)}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = [of_rosbags(one) for one in value]
        elif is_dataclass(value):
            values[name] = of_rosbags(value)
    return made(**values)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_bytes_are_those_of_rosbags_and_of_cyclonedds(kind: Any) -> None:
    rng = random.Random(5)

    for _ in range(20):
        message = drawn(kind, rng)
        ours = padded(dds_sample(message).serialize(use_version_2=False))
        assert ours == padded(bytes(type_store().serialize_cdr(of_rosbags(message), kind.ROS_TYPE)))
        assert ours == padded(of_cyclonedds(message).serialize(use_version_2=False))


def padded(body: bytes) -> bytes:
    """To four bytes, as it is sent."""
    return body.ljust(len(body) + -len(body) % 4, b"\0")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_type_has_the_name_that_ros_gives_it(kind: Any) -> None:
    package, _, name = kind.ROS_TYPE.split("/")

    found = dds_type(kind.ROS_TYPE).__idl__.idl_transformed_typename

    assert found == f"{package}::msg::dds_::{name}_"


def test_hashes_are_those_that_ros_publishes() -> None:
    # From the interface packages of ROS 2 Jazzy.
    assert type_hash(RosString.ROS_TYPE) == "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"


def test_a_definition_contains_all_others_that_it_needs() -> None:
    text = definition_text("vision_msgs/msg/Detection2DArray")

    assert "Detection2D[] detections" in text
    assert "MSG: vision_msgs/ObjectHypothesisWithPose" in text
    assert "float64[36] covariance" in text
