"""The host's wall clock is set an hour forth and back while a node runs: ages stay true."""

from __future__ import annotations

import time
from contextlib import closing
from itertools import pairwise

from groundcast.stream.clock import Clock
from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.message_types import DetectionMessage

from ..stream.blob_detector import BlobDetector
from ..stream.running_node import Node
from .camera_faults import FaultyCamera, moving

HOUR_NS = 3600 * 10**9


def test_a_wall_clock_that_is_set_an_hour_forth_and_back_changes_no_age() -> None:
    ahead_ns = [0]
    heard: list[tuple[int, DetectionMessage]] = []  # each with how far the clock had been set when it came

    def listen(seconds: float) -> None:
        until_s = time.monotonic() + seconds
        for message in node.subscriber:
            heard.append((ahead_ns[0], message))
            if time.monotonic() > until_s:
                return

    with FaultyCamera(moving()) as camera, closing(BlobDetector()) as detector:
        sources = (SourceOptions("dated", camera.url), SourceOptions("plain", "lavfi:testsrc=size=64x48:rate=10"))
        clock = Clock(unix_ns=lambda: time.time_ns() + ahead_ns[0])
        with Node(detector, *sources, clock=clock, stays=True) as node:
            listen(1.0)
            for step_ns in (HOUR_NS, -HOUR_NS, 0):
                ahead_ns[0] = step_ns
                listen(1.0)
    ages_ms = [message.frame.age_ms for _, message in heard]
    assert all(age_ms is not None and 0.0 <= age_ms < 10_000.0 for age_ms in ages_ms), ages_ms
    assert not any(message.stale and (message.frame.age_ms or 0.0) < 1000.0 for _, message in heard)
    clocks = [message.frame.clock for _, message in heard if message.source == "dated"]
    assert (clocks[0], clocks[-1]) == ("rtcp", "rtcp")
    assert "arrival" in clocks  # a camera's clock that is an hour off is not believed
    for source in ("dated", "plain"):
        captured_ns = [
            (message.frame.captured_unix_ns or 0) - set_ns for set_ns, message in heard if message.source == source
        ]
        in_order = sum(later > earlier for earlier, later in pairwise(captured_ns))
        assert in_order >= 0.9 * (len(captured_ns) - 1)  # what was under way while the clock was set may be off
