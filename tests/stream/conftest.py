"""What several tests of the node share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import zmq

from groundcast.stream.control.server import ControlServer
from groundcast.stream.options import ControlOptions

from .blob_detector import BlobDetector
from .plain_node import PlainNode
from .raw_client import Client, Connect
from .running_node import make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """40 frames of two squares, 1.6 s."""
    return make_clip(tmp_path_factory.mktemp("clip") / "squares.mp4")


@pytest.fixture
def detector() -> Iterator[BlobDetector]:
    with closing(BlobDetector()) as blobs:
        yield blobs


@pytest.fixture
def plain_node() -> PlainNode:
    return PlainNode("wrist", "shelf")


@pytest.fixture
def control(plain_node: PlainNode) -> Iterator[ControlServer]:
    with ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(plain_node, on_failure=pytest.fail)
        yield control
        assert control.failure is None


@pytest.fixture
def connect(control: ControlServer) -> Iterator[Connect]:
    with zmq.Context() as context:
        opened: list[Client] = []

        def open_one() -> Client:
            opened.append(Client(context, control.address))
            return opened[-1]

        yield open_one
        for client in opened:
            client.socket.close(linger=0)
