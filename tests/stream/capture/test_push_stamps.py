"""Capture times that a program pushes with its pictures, from the program to a subscriber's age limit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher
from groundcast.stream.subscriber import Subscriber

from ..blob_detector import BlobDetector
from ..rtsp_server import free_port
from ..running_node import Node

PICTURE = np.zeros((48, 64, 3), np.uint8)
MAX_AGE_MS = 1500.0  # above what a busy machine takes, below what the stamps are wrong by


@pytest.fixture
def address() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


@pytest.fixture
def node(address: str) -> Iterator[Node]:
    with closing(BlobDetector()) as blobs, Node(blobs, SourceOptions("arm", f"push:{address}")) as running:
        yield running


@pytest.mark.parametrize("off_s", [1.9, 3.0, 3600.0, -10.0])
def test_a_stamp_that_was_replaced_is_passed_on_as_sent_and_the_age_limit_counts_the_doubt(
    address: str, node: Node, off_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Subscriber(node.publisher.address, max_age_ms=MAX_AGE_MS, snapshot=False, timeout_s=0.2) as limited,
        Pusher(address, wait_s=5.0) as pusher,
    ):
        stamp_ns = time.time_ns() + int(off_s * 1e9)
        assert pusher.send(PICTURE, stamp_ns)
        frame = node.listen(until=lambda _: True)[0].frame
        assert frame.captured_sent_unix_ns == stamp_ns
        assert frame.age_ms is not None
        assert frame.age_ms < MAX_AGE_MS < (frame.captured_error_ms or 0.0)
        with pytest.raises(TimeoutError, match="1 uncertain"):
            next(limited)
    assert "picture of source arm was refused" in caplog.text


def test_a_stamp_that_is_believed_stands_once_and_passes_the_age_limit(address: str, node: Node) -> None:
    with (
        Subscriber(node.publisher.address, max_age_ms=MAX_AGE_MS, snapshot=False, timeout_s=20.0) as limited,
        Pusher(address, wait_s=5.0) as pusher,
    ):
        stamp_ns = time.time_ns() - 50_000_000
        assert pusher.send(PICTURE, stamp_ns)
        frame = next(limited).frame
    assert (frame.captured_unix_ns, frame.captured_sent_unix_ns, frame.clock) == (stamp_ns, None, "push")
