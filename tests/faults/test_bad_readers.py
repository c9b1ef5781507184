"""Readers that are slow, stopped or gone, beside one that is well: it loses nothing, and the node does not grow."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from groundcast.stream.subscriber import Subscriber

from .camera_process import cameras
from .free_node import free_node
from .processes import running
from .soak import sample
from .soak_verdict import Sample, judge

pytestmark = pytest.mark.slow

SECONDS = 60.0
WARM_UP_S = 5.0  # readers that begin, and what had piled up meanwhile
# What two runs of the very same differ by on a machine that does other things.
NOISE_MS = 5.0


@dataclass(frozen=True)
class Listened:
    """What the reader that is well saw, and what the node weighed meanwhile."""

    delays_ms: list[float]
    gaps: int
    samples: list[Sample]

    @property
    def messages(self) -> int:
        return len(self.delays_ms)

    @property
    def p99_ms(self) -> float:
        return float(np.percentile(self.delays_ms, 99))


def test_bad_readers_cost_the_good_one_nothing() -> None:
    with cameras(2, 640, 360, 30) as urls:
        alone = listen(urls, bad=False)
        beside = listen(urls, bad=True)
    verdict = judge(beside.samples)
    print(f"p99 of the delay {alone.p99_ms:.2f} -> {beside.p99_ms:.2f} ms, {beside.messages} messages, {verdict}")
    assert (alone.gaps, beside.gaps) == (0, 0)
    assert beside.messages >= 0.9 * alone.messages
    assert beside.p99_ms <= alone.p99_ms + NOISE_MS
    assert verdict.growth_mb <= 5.0


def listen(urls: list[str], *, bad: bool) -> Listened:
    """Take every message for a minute, alone or among slow, stopped and vanishing readers."""
    with ExitStack() as stack:
        pid, address = stack.enter_context(free_node(urls))
        subscriber = stack.enter_context(Subscriber(address, newest_only=False, timeout_s=20.0))
        next(subscriber)
        slow = stack.enter_context(slow_reader(address)) if bad else None
        if bad:
            stopped = stack.enter_context(slow_reader(address))
            stopped.send_signal(signal.SIGSTOP)
        delays_ms, samples = list[float](), list[Sample]()
        began_s, vanish_at_s = time.monotonic(), 10.0
        for message in subscriber:
            at_s = time.monotonic() - began_s
            if at_s > WARM_UP_S:
                delays_ms.append(message.ms_since_published())
            if at_s > len(samples):
                samples.append(sample(pid, at_s))
            if slow is not None and at_s > vanish_at_s:
                vanish_at_s += 10.0
                slow.kill()
                slow = stack.enter_context(slow_reader(address, wait=False))
            if at_s > SECONDS:
                break
        return Listened(delays_ms, subscriber.gaps, samples)


@contextmanager
def slow_reader(address: str, *, wait: bool = True) -> Generator[subprocess.Popen[str]]:
    with running("tests.faults.slow_reader", address) as reader:
        assert reader.stdout is not None
        if wait:
            assert reader.stdout.readline().strip() == "there"
        yield reader
