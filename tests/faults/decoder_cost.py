"""What a decoder process costs beside a thread: `python -m tests.faults.decoder_cost`.

The same cameras are read by a node whose detector costs nothing, now in threads, now in processes, in turns. A
subscriber notes how many messages come, and how old each picture is by its camera's own clock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from groundcast.stream.subscriber import Subscriber

from .camera_process import cameras
from .free_node import free_node

_WARM_UP_S = 2.0


@dataclass(frozen=True)
class Turn:
    """One turn: messages a second of each camera, ages in ms, and processor seconds of node and decoders per second."""

    fps: float
    p50_ms: float
    p99_ms: float
    cores: float


def measure(urls: Sequence[str], seconds: float, *, in_process: bool) -> Turn:
    """One turn of a node of its own."""
    ages_ms: list[float] = []
    heard, begin_s, used_s, pids = 0, 0.0, 0.0, list[int]()
    with (
        free_node(urls, decode_process=in_process) as (pid, address),
        Subscriber(address, newest_only=False, timeout_s=20.0) as subscriber,
    ):
        missing = {f"cam{row}" for row in range(len(urls))}
        for message in subscriber:
            now_ns, now_s = time.time_ns(), time.monotonic()
            missing.discard(message.source)
            if missing:
                continue
            if not begin_s:
                begin_s = now_s + _WARM_UP_S
            if now_s < begin_s:
                continue
            if not pids:
                pids = [pid, *_children(pid)]
                begin_s, used_s = now_s, sum(map(_cpu_s, pids))
            if now_s >= begin_s + seconds:
                break
            heard += 1
            if message.frame.captured_unix_ns is not None and message.frame.clock == "rtcp":
                ages_ms.append((now_ns - message.frame.captured_unix_ns) / 1e6)
        taken_s = time.monotonic() - begin_s
        cores = (sum(map(_cpu_s, pids)) - used_s) / taken_s
    p50, p99 = np.percentile(ages_ms, (50, 99)).tolist()
    return Turn(heard / taken_s / len(urls), p50, p99, cores)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print medians of all turns, each with its least and its most, and the turns as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cameras", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--size", type=int, nargs=2, default=[640, 360])
    parser.add_argument("--rate", type=int, default=25)
    asked = parser.parse_args()
    results: list[dict[str, object]] = []
    for count in asked.cameras:
        turns: dict[bool, list[Turn]] = {False: [], True: []}
        with cameras(count, asked.size[0], asked.size[1], asked.rate) as urls:
            for number in range(asked.rounds):
                for in_process in (number % 2 == 0, number % 2 == 1):
                    turns[in_process].append(measure(urls, asked.seconds, in_process=in_process))
        for in_process, some in turns.items():
            said = {name: _spread([asdict(turn)[name] for turn in some]) for name in asdict(some[0])}
            how = "process" if in_process else "thread"
            print(f"{count} cameras, {how}: " + ", ".join(f"{name} {value}" for name, value in said.items()))
            results.append({"cameras": count, "how": how, "turns": [asdict(turn) for turn in some]})
            sys.stdout.flush()
    print(json.dumps({"size": asked.size, "rate_hz": asked.rate, "load": os.getloadavg(), "results": results}))


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
