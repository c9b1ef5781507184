"""A model five times slower than its cameras: pictures stay fresh as long as it lasts, and every drop is counted."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import closing

import numpy as np
import pytest

from groundcast.stream.wire.message_types import DetectionMessage

from ..stream.blob_detector import BlobDetector
from .camera_process import cameras
from .running_node import RunningNode

CAMERAS, RATE_HZ = 4, 25
TIMES_SLOWER = 5
STEP_S = TIMES_SLOWER / (CAMERAS * RATE_HZ)
MAX_AGE_MS = 2 * STEP_S * 1e3 + 100


def ages_by_slice(seconds: float, slices: int) -> list[list[float]]:
    """How old each message was when it arrived, ms, in the first part of the run, the second, ..."""
    ages: defaultdict[int, list[float]] = defaultdict(list)
    last: dict[str, DetectionMessage] = {}
    with (
        cameras(CAMERAS, 320, 240, RATE_HZ) as urls,
        closing(BlobDetector(delay_s=STEP_S)) as detector,
        RunningNode(detector, urls) as node,
    ):
        began_s = 0.0
        for message in node.subscriber:
            began_s = began_s or time.monotonic() + 2.0  # the cameras' first pictures come late
            part = int((time.monotonic() - began_s) / seconds * slices)
            if part >= slices:
                break
            age_ms = message.age_ms_now()
            assert age_ms is not None
            if began_s <= time.monotonic():
                ages[part].append(age_ms)
            before = last.get(message.source)
            assert message.dropped_total == (before.dropped_total if before else 0) + message.dropped
            assert message.dropped_total == message.frame.index + 1 - message.seq
            last[message.source] = message
        summary = node.stop()
    for source in summary.sources:
        assert source.frames == source.messages + source.dropped
        assert source.dropped > source.messages
    return [ages[part] for part in range(slices)]


def test_pictures_stay_fresh_for_a_while() -> None:
    (ages_ms,) = ages_by_slice(2.0, slices=1)
    assert np.median(ages_ms) <= 1000.0  # those that pile up are two seconds old by then


@pytest.mark.slow
def test_pictures_stay_fresh_from_the_first_minute_to_the_last() -> None:
    minutes = ages_by_slice(300.0, slices=5)
    worst_ms = [float(np.percentile(ages_ms, 99)) for ages_ms in minutes]
    print(f"p99 of the age in each minute: {[round(one) for one in worst_ms]} ms, allowed {MAX_AGE_MS:.0f} ms")
    assert max(worst_ms) <= MAX_AGE_MS
