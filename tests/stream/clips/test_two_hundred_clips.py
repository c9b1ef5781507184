"""Clips of 200 events of live cameras: whole, early enough, bounded on the disk, and free for the node's latency."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message_types import StatusMessage

from .clip_node import MAX_MIB, clip_node
from .visited_cameras import EVENTS_PER_S, RATE_HZ, visited_cameras

pytestmark = [pytest.mark.bar, pytest.mark.slow]
CAMERAS, EVENTS, ROUNDS = 4, 200, 6
WARM_UP_S = 4.0
ROUND_S = EVENTS / (CAMERAS * EVENTS_PER_S) / ROUNDS + 3.0
MAX_ADDED_MS = 2.0


@dataclass
class Watched:
    """What was seen of a node's runs: how old pictures were when their messages came, ms, and its warnings."""

    ages_ms: list[float] = field(default_factory=list[float])
    warnings: set[str] = field(default_factory=set[str])

    def listen(self, address: str, seconds: float) -> None:
        def on_status(status: StatusMessage) -> None:
            if status.warning is not None:
                self.warnings.add(status.warning)

        with Subscriber(address, newest_only=False, timeout_s=20.0, on_status=on_status) as subscriber:
            begin_s = time.monotonic() + WARM_UP_S
            for message in subscriber:
                now_ns, now_s = time.time_ns(), time.monotonic()
                if now_s >= begin_s + seconds:
                    return
                if now_s >= begin_s and message.frame.clock == "rtcp" and message.frame.captured_unix_ns:
                    self.ages_ms.append((now_ns - message.frame.captured_unix_ns) / 1e6)


class FolderWatch:
    """Keeps each clip that comes under a second name, before the node removes it, and notes how large the folder is."""

    def __init__(self, folder: Path, kept: Path) -> None:
        self.most_bytes = self.most_written_bytes = 0
        self._folder, self._kept = folder, kept
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> FolderWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            self._look()

    def _look(self) -> None:
        done = written = 0
        for path in self._folder.iterdir():
            with suppress(OSError):
                size = path.stat().st_size
                done += size if not path.name.startswith(".") else 0
                written += size if path.name.startswith(".") else 0
                if path.suffix == ".mp4":  # its JSON file is written before it
                    for one in (path.with_suffix(".json"), path):
                        if not (self._kept / one.name).exists():
                            os.link(one, self._kept / one.name)
        self.most_bytes = max(self.most_bytes, done)
        self.most_written_bytes = max(self.most_written_bytes, written)


def probe(path: Path) -> list[bool]:
    """Whether each frame of a clip is a key frame, by ffprobe, which must find nothing wrong."""
    entries = ("-select_streams", "v:0", "-show_entries", "frame=key_frame", "-of", "json")
    done = subprocess.run(
        ["ffprobe", "-v", "warning", *entries, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), f"{path}: {done.stderr}"
    return [bool(frame["key_frame"]) for frame in json.loads(done.stdout)["frames"]]


def is_red(frames: Sequence[tuple[float, NDArray[np.uint8]]], at_s: float, box: Sequence[float]) -> bool:
    """Whether the middle of a box is red in the frame nearest to a time."""
    _, image = min(frames, key=lambda frame: abs(frame[0] - at_s))
    red, green, _ = image[int((box[1] + box[3]) / 2), int((box[0] + box[2]) / 2)].tolist()
    return red > 150 and green < 100


def check_clip(path: Path) -> list[dict[str, Any]]:
    """The events of a clip that is whole and begins before each of them, as its pictures show."""
    keys = probe(path)
    assert keys[0]
    beside = json.loads(path.with_suffix(".json").read_text())
    with av.open(str(path)) as container:
        frames = [
            (frame.time, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)) for frame in container.decode(video=0)
        ]
    assert len(frames) == len(keys)
    assert len(frames) >= (frames[-1][0] - frames[0][0]) * RATE_HZ, "frames are missing"
    for event in beside["events"]:
        assert 0.5 <= event["at_s"] <= frames[-1][0], path
        assert is_red(frames, event["at_s"] + 0.1, event["box_xyxy"]), f"{path}: the object is not there"
        assert not is_red(frames, event["at_s"] - 0.4, event["box_xyxy"]), f"{path}: it was there before its event"
    return beside["events"]


def test_two_hundred_events_have_clips_at_no_cost_in_latency(tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not here: it comes with FFmpeg")
    folder, kept = tmp_path / "clips", tmp_path / "kept"
    folder.mkdir()
    kept.mkdir()
    without, with_clips = Watched(), Watched()
    with visited_cameras(CAMERAS) as urls, FolderWatch(folder, kept) as watch:
        for _ in range(ROUNDS):
            with clip_node(None, urls) as address:
                without.listen(address, ROUND_S)
            with clip_node(folder, urls) as address:
                with_clips.listen(address, ROUND_S)

    paths = sorted(kept.glob("*.mp4"))
    events = [event for path in paths for event in check_clip(path)]
    largest = max(path.stat().st_size + path.with_suffix(".json").stat().st_size for path in paths)
    p99_without, p99_with = (float(np.percentile(one.ages_ms, 99)) for one in (without, with_clips))
    print(f"{len(events)} events in {len(paths)} clips, at most {largest >> 10} KiB each, {watch.most_bytes >> 10} KiB")
    print(f"p99 {p99_without:.1f} ms without clips, {p99_with:.1f} ms with them ({len(without.ages_ms)} messages)")
    assert len(events) >= EVENTS
    assert with_clips.warnings == set()
    assert watch.most_bytes <= (MAX_MIB << 20) + CAMERAS * largest
    assert watch.most_written_bytes <= CAMERAS * largest
    assert p99_with - p99_without <= MAX_ADDED_MS
