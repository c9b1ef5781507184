"""Poses and depth pictures as they are pushed: read as sent, or refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from groundcast.stream.wire.packing import pack
from groundcast.stream.wire.push_message import PushHeader, pack_push, parse_push
from groundcast.stream.wire.push_sensor import (
    DepthHeader,
    DepthMessage,
    PoseMessage,
    pack_depth,
    pack_pose,
    parse_sensor,
)
from groundcast.stream.wire.topics import MessageError

POSE = PoseMessage((0.1, 0.2, 0.3), (0.0, 0.0, 0.0, 1.0), 1_790_000_000_000_000_000)
DEPTH = DepthHeader("uint16", 4, 3, 0.001)


def test_a_pose_is_one_part() -> None:
    assert parse_sensor([pack_pose(POSE)]) == POSE


def test_a_depth_picture_alone_is_two_parts() -> None:
    assert parse_sensor([pack_depth(DEPTH, 7), bytes(24)]) == DepthMessage(DEPTH, bytes(24), 7)


def test_a_picture_with_depth_is_three_parts() -> None:
    header = PushHeader("mono8", 4, 3, captured_unix_ns=7, depth=DEPTH)
    parts = [pack_push(header), bytes(12), bytes(24)]
    assert parse_sensor(parts) is None
    assert parse_push(parts) == header


def test_a_picture_is_no_pose_and_no_depth() -> None:
    assert parse_sensor([pack_push(PushHeader("mono8", 4, 3)), bytes(12)]) is None


@pytest.mark.parametrize(
    ("depth", "body", "reason"),
    [
        ({"type": "uint8"}, bytes(24), "uint16"),
        ({"unit_m": 0.0}, bytes(24), "unit_m"),
        ({"unit_m": 1e9}, bytes(24), "unit_m"),
        ({"width": 5}, bytes(24), "are not 24 bytes"),
        ({"width": 10**6, "height": 10**6}, bytes(24), "at most"),
    ],
)
def test_depth_that_cannot_be_is_refused(depth: dict[str, Any], body: bytes, reason: str) -> None:
    inner = {"type": "uint16", "width": 4, "height": 3, "unit_m": 0.001, **depth}
    with pytest.raises(MessageError, match=reason):
        parse_sensor([pack({"schema": [1, 1], "depth": inner, "captured_unix_ns": 7}), body])


@pytest.mark.parametrize("missing", ["captured_unix_ns", "pose", "schema"])
def test_a_pose_without_its_keys_is_refused(missing: str) -> None:
    values: dict[str, Any] = {
        "schema": [1, 1],
        "pose": {"translation_m": [0, 0, 0], "quaternion_xyzw": [0, 0, 0, 1]},
        "captured_unix_ns": 7,
    }
    with pytest.raises(MessageError, match=missing):
        parse_sensor([pack({key: value for key, value in values.items() if key != missing})])


def test_a_depth_header_without_its_bytes_is_refused() -> None:
    header = PushHeader("mono8", 4, 3, depth=DEPTH)
    with pytest.raises(MessageError, match="third part"):
        parse_push([pack_push(header), bytes(12)])
