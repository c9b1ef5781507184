"""A node whose many cameras are all silent: it stops in seconds, whether it decodes in threads or in processes."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from dataclasses import replace

import pytest

from groundcast.stream.options import SourceOptions

from ..stream.blob_detector import BlobDetector
from ..stream.running_node import Node

pytestmark = pytest.mark.slow

CAMERAS = 120
STOPS_WITHIN_S = 3.0  # with 20 ms for each camera it took more than five


@pytest.mark.parametrize("in_process", [False, True])
def test_many_silent_cameras_are_left_behind_together(*, in_process: bool) -> None:
    with closing(BlobDetector()) as detector, socket.create_server(("127.0.0.1", 0), backlog=256) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/"
        camera = SourceOptions("cam", url, open_timeout_s=3.0, decode_process=in_process)
        cameras = [replace(camera, name=f"cam-{number}") for number in range(CAMERAS)]
        with Node(detector, *cameras) as node:
            time.sleep(0.5)  # until they have all called
            assert node.stop() < STOPS_WITHIN_S
