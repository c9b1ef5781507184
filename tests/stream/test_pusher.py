"""What a program may hand to `Pusher.send`: everything else is refused in one sentence, at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from groundcast.stream.pusher import Pusher, PusherError

from .rtsp_server import free_port

PICTURE = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture
def pusher() -> Iterator[Pusher]:
    with Pusher(f"tcp://127.0.0.1:{free_port()}") as pusher:
        yield pusher


@pytest.mark.parametrize("image", ["x", None, 3, [[1, 2], [3, 4]]])
def test_what_is_no_picture_is_refused(pusher: Pusher, image: object) -> None:
    with pytest.raises(PusherError, match=f"a picture is a uint8 array or .* JPEG, and not {type(image).__name__}"):
        pusher.send(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["captured_unix_ns", "pts"])
def test_a_time_that_is_no_integer_is_refused(pusher: Pusher, name: str) -> None:
    with pytest.raises(PusherError, match=f"{name} is a float: give whole nanoseconds"):
        pusher.send(PICTURE, **{name: time.time() * 1e9})  # type: ignore[arg-type]


def test_numpy_s_integers_are_times_too(pusher: Pusher) -> None:
    assert pusher.send(PICTURE, np.int64(time.time_ns())) is False  # no node is there  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("translation_m", "quaternion_xyzw"),
    [((0.0, 0.0), (0, 0, 0, 1)), (("x", 0, 0), (0, 0, 0, 1)), ((0, 0, 10**400), (0, 0, 0, 1)), (1.0, (0, 0, 0, 1))],
)
def test_what_is_no_pose_is_refused(pusher: Pusher, translation_m: Any, quaternion_xyzw: Any) -> None:
    with pytest.raises(PusherError, match="a pose is three finite numbers in metres"):
        pusher.send_pose(translation_m, quaternion_xyzw)


def test_a_time_that_no_message_can_hold_is_refused(pusher: Pusher) -> None:
    with pytest.raises(PusherError, match="cannot be packed"):
        pusher.send_pose((0, 0, 0), (0, 0, 0, 1), 2**64)


def test_a_depth_picture_that_no_node_reads_is_refused(pusher: Pusher) -> None:
    with pytest.raises(PusherError, match="reads at most 16000000 px"):
        pusher.send_depth(np.zeros((4001, 4000), np.uint16), depth_unit_m=0.001)
