"""What groundcast adds to the age of a picture: `make overhead`.

A camera's own sender reports say when each picture was taken. A bare PyAV loop notes how old it is once it is RGB; a
subscriber of a node, whose detector costs nothing, how old it is when the message about it arrives. Both run in
turns, on the same cameras, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from groundcast.stream.subscriber import Subscriber

from .camera_process import cameras
from .free_node import free_node
from .processes import running

MAX_P99_MS = 12.0
WARM_UP_S = 2.0


@dataclass(frozen=True)
class Ages:
    """How old pictures were, ms, and how many there were."""

    p50: float
    p95: float
    p99: float
    pictures: int


@dataclass(frozen=True)
class Overhead:
    """Ages with and without groundcast, for so many cameras."""

    cameras: int
    bare: Ages
    node: Ages

    @property
    def added_p99_ms(self) -> float:
        return self.node.p99 - self.bare.p99


def measure(
    count: int, seconds: float, rounds: int, size: tuple[int, int] = (1280, 720), rate_hz: int = 30
) -> Overhead:
    """Let the bare loop and the node look at the same cameras in turns."""
    bare: list[float] = []
    node: list[float] = []
    with cameras(count, *size, rate_hz) as urls:
        for _ in range(rounds):
            bare += _ages_of_bare_loop(urls, seconds)
            node += _ages_at_subscriber(urls, seconds)
    return Overhead(count, _summary(bare), _summary(node))


def _ages_of_bare_loop(urls: Sequence[str], seconds: float) -> list[float]:
    with running("tests.faults.bare_loop", str(WARM_UP_S), str(seconds), *urls) as loop:
        ages_ms, _ = loop.communicate(timeout=WARM_UP_S + seconds + 30.0)
    return json.loads(ages_ms)


def _ages_at_subscriber(urls: Sequence[str], seconds: float) -> list[float]:
    ages_ms: list[float] = []
    with free_node(urls) as (_, address), Subscriber(address, newest_only=False, timeout_s=20.0) as subscriber:
        begin_s = 0.0
        for message in subscriber:
            now_ns, now_s = time.time_ns(), time.monotonic()
            begin_s = begin_s or now_s + WARM_UP_S
            if now_s >= begin_s + seconds:
                break
            captured_ns = message.frame.captured_unix_ns
            if now_s >= begin_s and captured_ns is not None and message.frame.clock == "rtcp":
                ages_ms.append((now_ns - captured_ns) / 1e6)
    return ages_ms


def _summary(ages_ms: Sequence[float]) -> Ages:
    p50, p95, p99 = np.percentile(ages_ms, (50, 95, 99)).round(2).tolist()
    return Ages(p50, p95, p99, len(ages_ms))


def main() -> None:
    """Measure for 1, 2 and 4 cameras; exit code 1 if groundcast adds too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 2, 4])
    asked = parser.parse_args()
    results = [measure(count, asked.seconds, asked.rounds) for count in asked.cameras]
    for one in results:
        print(
            f"{one.cameras} cameras: p50 {one.bare.p50:.1f} -> {one.node.p50:.1f} ms, p99 {one.bare.p99:.1f} -> "
            f"{one.node.p99:.1f} ms: {one.added_p99_ms:.1f} ms added ({one.node.pictures} pictures)",
            file=sys.stderr,
        )
    ok = all(one.added_p99_ms <= MAX_P99_MS for one in results)
    figures = [{**asdict(one), "added_p99_ms": round(one.added_p99_ms, 2)} for one in results]
    print(json.dumps({"ok": ok, "bar_ms": MAX_P99_MS, "processor": platform.machine(), "results": figures}))
    sys.exit(not ok)


if __name__ == "__main__":
    main()
