"""`groundcast bench node`: how many cameras a node keeps up with, and the latency of its messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...stream.options import Decoding
from ...stream.subscriber import Subscriber
from ...stream.wire.message_types import DetectionMessage
from ..exits import InputError, RunError, say
from ..node.node_process import NodeProcess
from .cameras import make_clip

MAX_P95_MS = 76.0
_WARM_UP_S = 3.0
_START_S = 120.0  # until a message of every camera came


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """The figures of a node with some cameras at 30 frames a second each, measured by a subscriber.

    Args:
        cameras: how many.
        latency_ms: p50, p95, p99 of a picture's age when its message arrived; the age counts from the picture's
            arrival, or earlier by the stream's own clock.
        fps: messages per camera and second; slowest_fps: of the camera that had the fewest.
        dropped: the part of the cameras' pictures that a newer one replaced before the detector was free.
        stage_ms: the mean of each stage.
        node_cores: how many cores the node kept busy; of those that there are, all_cores.
        detecting: the part of the time in which the detector was busy, were it to look at one picture at a time.
        limit: what keeps the node from more.
    """

    cameras: int
    latency_ms: dict[str, float]
    fps: float
    slowest_fps: float
    dropped: float
    stage_ms: dict[str, float]
    node_cores: float
    all_cores: int
    detecting: float
    limit: str

    @property
    def sentence(self) -> str:
        ages = ", ".join(f"{name} {value:.0f}" for name, value in self.latency_ms.items())
        return (
            f"{self.cameras} cameras: {ages} ms from picture to subscriber; {self.fps:.1f} messages a second of each; "
            f"{self.dropped:.0%} dropped; the node keeps {self.node_cores:.1f} of {self.all_cores} cores busy; "
            f"limited by {self.limit}"
        )


def bench_node(
    cameras: int, seconds: float, size: str, model: dict[str, Any], prompt: str, *, find: bool, decode: Decoding = "cpu"
) -> dict[str, Any]:
    """The figures of `bench node`.

    Raises:
        InputError: the size cannot be read, or the node refuses its settings.
        RunError: the node failed, or no message of a camera came.
    """
    width, height = _size(size)
    cache = Path(tempfile.gettempdir()) / f"groundcast-bench-{width}x{height}.mp4"
    with _cameras(make_clip(cache, width, height)) as port:

        def measure(count: int) -> NodeFigures:
            figures = _measure(_settings(port, count, model, prompt, decode), count, seconds)
            say(figures.sentence)
            return figures

        runs = list(search(measure, cameras)) if find else [measure(cameras)]
    good = [run.cameras for run in runs if run.latency_ms["p95"] <= MAX_P95_MS]
    most = {"most_cameras": max(good, default=0)} if find else {}
    how = {"size": size, "decode": decode, "bar_ms": MAX_P95_MS}
    return {"bench": "node", **how, **most, "runs": [asdict(run) for run in runs]}


def search(measure: Callable[[int], NodeFigures], first: int) -> Iterator[NodeFigures]:
    """Double the cameras until p95 exceeds its limit, then bisect down to an eighth, or one camera."""
    good, bad, count = 0, 0, first
    while not bad or bad - good > max(1, good // 8):
        figures = measure(count)
        yield figures
        if figures.latency_ms["p95"] <= MAX_P95_MS:
            good = count
        else:
            bad = count
        count = (good + bad) // 2 if bad else 2 * good
        if count == 0:
            return


def _measure(settings: dict[str, Any], cameras: int, seconds: float) -> NodeFigures:
    with tempfile.TemporaryDirectory(prefix="groundcast-") as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(json.dumps(settings))  # JSON is YAML too
        with (
            NodeProcess(file) as running,
            Subscriber(running.address, newest_only=False, snapshot=False, timeout_s=_START_S) as subscriber,
        ):
            names = {f"camera{row}" for row in range(cameras)}
            try:
                received = iter(subscriber)
                while names:
                    names.discard(next(received).source)
                _collect(received, _WARM_UP_S)
                used_s = _cpu_s(running.pid)
                began_s = time.monotonic()
                messages = _collect(received, seconds)
                taken_s = time.monotonic() - began_s
            except TimeoutError as error:
                raise RunError(f"no message came from {', '.join(sorted(names)) or 'the node'}: {error}") from error
            return figures_of(messages, cameras, taken_s, _cpu_s(running.pid) - used_s)


def _collect(received: Iterator[DetectionMessage], seconds: float) -> list[tuple[DetectionMessage, float]]:
    """Messages, each with the age of its picture at that moment, in ms."""
    until_s = time.monotonic() + seconds
    messages: list[tuple[DetectionMessage, float]] = []
    while time.monotonic() < until_s:
        message = next(received)
        age_ms = message.age_ms_now()
        messages.append((message, message.ms_since_published() if age_ms is None else age_ms))
    return messages


def figures_of(
    messages: list[tuple[DetectionMessage, float]], cameras: int, taken_s: float, used_s: float
) -> NodeFigures:
    """The figures of some messages.

    Args:
        messages: each with the age of its picture when it was heard, ms.
        cameras: how many there are.
        taken_s: for how long was listened.
        used_s: for how long the node kept cores busy meanwhile.
    """
    counted = Counter(message.source for message, _ in messages)
    dropped = sum(message.dropped for message, _ in messages)
    values = np.percentile([age_ms for _, age_ms in messages], (50, 95, 99)).tolist()
    stages: dict[str, float] = {}
    for name in messages[-1][0].stage_ms:
        stages[name] = float(np.mean([message.stage_ms.get(name, 0.0) for message, _ in messages]))
    detecting = len(messages) * stages.get("infer", 0.0) / 1e3 / taken_s
    cores = used_s / taken_s
    own = os.cpu_count() or 1
    lost = dropped / (dropped + len(messages))
    limit = "nothing yet" if lost < 0.01 else "the cores" if cores > 0.85 * own else "the detector"
    return NodeFigures(
        cameras=cameras,
        latency_ms=dict(zip(("p50", "p95", "p99"), values, strict=True)),
        fps=len(messages) / taken_s / cameras,
        slowest_fps=min(counted.values()) / taken_s if len(counted) == cameras else 0.0,
        dropped=lost,
        stage_ms=stages,
        node_cores=cores,
        all_cores=own,
        detecting=detecting,
        limit=limit,
    )


def _settings(port: int, cameras: int, model: dict[str, Any], prompt: str, decode: Decoding) -> dict[str, Any]:
    sources = [
        {"name": f"camera{row}", "url": f"http://127.0.0.1:{port}/{row}", "decode": decode} for row in range(cameras)
    ]
    return {
        "node": f"bench-{os.getpid()}",  # beside any other
        "prompt": prompt,
        "model": model,
        "publish": {"address": "tcp://127.0.0.1:*", "high_water_mark": 10_000},
        "control": {"enabled": False},
        "sources": sources,
    }


@contextmanager
def _cameras(clip: Path) -> Generator[int]:
    """Cameras in a process of their own; gives its port."""
    command = [sys.executable, "-m", "groundcast.launch.bench.cameras", str(clip)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _cpu_s(pid: int) -> float:
    """The CPU time of a process, s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and min(int(width), int(height)) >= 64):
        raise InputError(f"{text!r} is no size: write width and height in px, such as 1920x1080")
    return int(width) // 2 * 2, int(height) // 2 * 2
