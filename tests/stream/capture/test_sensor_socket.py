"""Poses and depth that programs push for a source whose pictures come another way, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.capture.sensor_socket import SensorSocket, sensor_socket_of
from groundcast.stream.geometry.pose_buffer import CaptureMoment
from groundcast.stream.geometry.sensors import Sensors
from groundcast.stream.geometry_options import DepthOptions, GeometryOptions, Intrinsics, Placement
from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher
from groundcast.stream.source_url import SourceError

from ...waiting import eventually
from ..rtsp_server import free_port

DEPTH = np.full((48, 64), 900, np.uint16)
GEOMETRY = GeometryOptions(
    Intrinsics(64, 48, 60.0, 60.0, 31.5, 23.5), base_from_camera=Placement(), depth=DepthOptions(max_skew_ms=25.0)
)
MS = 1_000_000


@contextmanager
def running(address: str, sensors: Sensors) -> Generator[SensorSocket]:
    one = SensorSocket("cam", f"push:{address}", None, sensors)
    one.start()
    try:
        yield one
    finally:
        one.stop(20.0)


def moment_of(unix_ns: int, error_ms: float = 10.0) -> CaptureMoment:
    """A moment of a camera that no program stamps."""
    return CaptureMoment(unix_ns - (time.time_ns() - time.monotonic_ns()), None, error_ms)


def test_depth_is_paired_by_capture_time_within_the_skew() -> None:
    address, sensors = f"tcp://127.0.0.1:{free_port()}", Sensors(GEOMETRY)
    taken_ns = time.time_ns()
    with running(address, sensors), Pusher(address, wait_s=20.0) as pusher:
        assert pusher.send_depth(DEPTH, taken_ns, depth_unit_m=0.001)
        assert pusher.send(DEPTH.astype(np.uint8), taken_ns + 200 * MS, depth=DEPTH + 100, depth_unit_m=0.001)
        assert eventually(lambda: sensors.depth_at(moment_of(taken_ns + 205 * MS)) is not None)
        early, late = sensors.depth_at(moment_of(taken_ns - 20 * MS)), sensors.depth_at(moment_of(taken_ns + 205 * MS))
        assert early is not None
        assert late is not None
        assert (early.values[0, 0], late.values[0, 0]) == (900, 1000)
        assert sensors.depth_at(moment_of(taken_ns + 100 * MS)) is None


def test_depth_is_not_paired_with_a_picture_whose_time_is_hardly_known() -> None:
    address, sensors = f"tcp://127.0.0.1:{free_port()}", Sensors(GEOMETRY)
    with running(address, sensors), Pusher(address, wait_s=20.0) as pusher:
        taken_ns = time.time_ns()
        assert pusher.send_depth(DEPTH, taken_ns, depth_unit_m=0.001)
        assert eventually(lambda: sensors.depth_at(moment_of(taken_ns)) is not None)
        assert sensors.depth_at(moment_of(taken_ns, error_ms=300.0)) is None
        assert "known to within 300 ms only" in (sensors.warning or "")


def test_a_picture_alone_is_refused_in_a_sentence_and_a_pose_is_taken() -> None:
    address, sensors = f"tcp://127.0.0.1:{free_port()}", Sensors(GEOMETRY)
    with running(address, sensors) as one, Pusher(address, wait_s=20.0) as pusher:
        assert pusher.send(np.zeros((8, 8, 3), np.uint8))
        assert eventually(lambda: one.refused == 1)
        assert "a picture without depth" in (one.warning or "")
        taken_ns = time.time_ns()
        for off_ms in (-5, 5):
            at_ns = taken_ns + off_ms * MS
            assert eventually(lambda at_ns=at_ns: pusher.send_pose((0.1, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), at_ns))
        assert eventually(lambda: not isinstance(sensors.poses.at(moment_of(taken_ns)), str))
        assert one.warning is None


def test_a_busy_address_is_a_warning_until_it_is_free() -> None:
    address, sensors = f"tcp://127.0.0.1:{free_port()}", Sensors(GEOMETRY)
    with running(address, sensors) as one, Pusher(address, wait_s=20.0) as pusher:
        assert pusher.send_depth(DEPTH, depth_unit_m=0.001)  # it listens
        with running(address, sensors) as other:
            assert eventually(lambda: other.warning is not None)
            assert "cannot be received" in (other.warning or "")
            one.stop(20.0)
            assert eventually(lambda: other.warning is None)


def test_an_address_that_cannot_be_is_found_at_start_up() -> None:
    source = SourceOptions("cam", "rtsp://127.0.0.1/a", geometry=replace(GEOMETRY, sensors="push:tcp://0.0.0.0:5581"))
    assert sensor_socket_of(source, None) is None
    with pytest.raises(SourceError, match="has no keys"):
        check_source(source)
    with pytest.raises(SourceError, match="its own url takes poses and depth"):
        check_source(replace(source, url="push:tcp://127.0.0.1:5580"))
