"""Positions over real sockets: pictures, depth and late poses go in, and a subscriber gets where things are."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from groundcast.model.prompt import Prompt
from groundcast.stream.geometry_options import (
    DepthOptions,
    GeometryOptions,
    Intrinsics,
    Placement,
    PoseOptions,
    SupportPlane,
)
from groundcast.stream.options import NodeOptions, PublisherOptions, SourceOptions
from groundcast.stream.pipeline import Pipeline
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.pusher import Pusher
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message_types import DetectionMessage

from ..waiting import eventually
from .blob_detector import BlobDetector
from .rtsp_server import free_port

MS = 1_000_000
CAMERA = Intrinsics(640, 480, 600.0, 600.0, 319.5, 239.5)
DOWN = (1.0, 0.0, 0.0, 0.0)
FIXED = GeometryOptions(
    CAMERA, base_from_camera=Placement((0.5, 0.0, 1.0), DOWN), depth=DepthOptions(), plane=SupportPlane()
)
MOVING = GeometryOptions(
    CAMERA,
    flange_from_camera=Placement(),
    poses=PoseOptions(wait_ms=20_000.0),
    depth=DepthOptions(),
    plane=SupportPlane(),
)
IMAGE = np.full((480, 640, 3), 90, np.uint8)
IMAGE[200:280, 300:380] = (220, 20, 20)
DEPTH = np.full((480, 640), 1000, np.uint16)
DEPTH[200:280, 300:380] = 950
TRUTH = np.array([20 / 600 * 0.95, 0.0, 0.05])  # from below the camera


@contextmanager
def node(geometry: GeometryOptions, url: str | None = None) -> Generator[tuple[Pusher, Subscriber]]:
    """A running node that takes pushed pictures, or sensors beside a url's, a program that sends, and a subscriber."""
    address = f"tcp://127.0.0.1:{free_port()}"
    if url is not None:
        geometry = replace(geometry, sensors=f"push:{address}")
    publish = PublisherOptions("tcp://127.0.0.1:*")
    options = NodeOptions(
        "bench", (SourceOptions("wrist", url or f"push:{address}", geometry=geometry),), publisher=publish
    )
    detector, stop = BlobDetector(), threading.Event()
    with Publisher(publish, "bench") as publisher:
        pipeline = Pipeline(options, detector, Prompt.parse("red blob"), publisher)
        thread = threading.Thread(target=pipeline.run, args=(stop,))
        thread.start()
        try:
            with Subscriber(publisher.address, timeout_s=60) as subscriber, Pusher(address, wait_s=20.0) as pusher:
                yield pusher, subscriber
        finally:
            stop.set()
            thread.join()
            detector.close()


def xyz(message: DetectionMessage) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    (track,) = message.tracks
    assert track.position is not None, track.no_position
    assert (track.position.frame, track.position.method) == ("base", "depth")
    return np.array(track.position.xyz_m)


def test_a_pushed_depth_picture_gives_the_position() -> None:
    with node(FIXED) as (pusher, subscriber):
        assert pusher.send(IMAGE, depth=DEPTH, depth_unit_m=0.001)
        message = next(subscriber)
    np.testing.assert_allclose(xyz(message), TRUTH + np.array([0.5, 0.0, 0.0]), atol=0.003)
    assert message.frame.pose is not None
    assert message.frame.calibration


def test_depth_is_pushed_beside_a_source_that_is_not() -> None:
    drawn = "lavfi:color=c=0x5a5a5a:s=640x480:r=20,drawbox=x=300:y=200:w=80:h=80:color=0xdc1414:t=fill"
    young = DepthOptions(max_skew_ms=3000.0)  # a young source's capture times are known to 1 s
    wide = replace(FIXED, plane=None, depth=young)
    with node(wide, drawn) as (pusher, subscriber):
        message = next(subscriber)
        while not message.tracks or message.tracks[0].position is None:
            pusher.send_depth(DEPTH, depth_unit_m=0.001)
            message = next(subscriber)
            assert message.seq < 2000
    np.testing.assert_allclose(xyz(message), TRUTH + np.array([0.5, 0.0, 0.0]), atol=0.006)


def test_a_message_waits_for_the_pose_of_its_capture_time() -> None:
    with node(MOVING) as (pusher, subscriber):
        assert eventually(lambda: pusher.send_pose((0.0, 0.0, 1.0), DOWN))  # False until it is connected
        taken_ns = time.time_ns() + 100 * MS
        assert pusher.send_pose((0.2, 0.0, 1.0), DOWN, taken_ns - 5 * MS)
        assert pusher.send(IMAGE, taken_ns, depth=DEPTH, depth_unit_m=0.001)
        time.sleep(0.3)  # the detections are there, the pose is not
        late_ns = time.time_ns()
        assert pusher.send_pose((0.4, 0.0, 1.0), DOWN, taken_ns + 5 * MS)
        message = next(subscriber)
    assert message.published_unix_ns >= late_ns
    assert message.frame.pose is not None
    assert message.frame.pose.translation_m[0] == pytest.approx(0.3, abs=1e-6)
    assert message.frame.pose.gap_ms == pytest.approx(5.0)
    np.testing.assert_allclose(xyz(message), TRUTH + np.array([0.3, 0.0, 0.0]), atol=0.003)
