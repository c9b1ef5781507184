"""Decoder processes that are killed, loop or hoard: their sources come back, others go on, and nothing is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from groundcast.stream.capture.backoff import Backoff
from groundcast.stream.capture.reader import Reader
from groundcast.stream.decoder_process.start import DecoderProcess
from groundcast.stream.options import SourceOptions
from groundcast.stream.stats import ReaderStats

from ..stream.encoded_clips import encode_clip
from ..stream.rtsp_server import RtspServer
from .camera_process import cameras

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KILLS = 100
LIAR = "tests.stream.lying_decoder"


class _Counted:
    """A reader whose frames are taken and counted by a thread of their own."""

    def __init__(self, options: SourceOptions, decoder: DecoderProcess | None = None) -> None:
        self.frames = 0
        self._woken, self._over = threading.Event(), threading.Event()
        self.reader = Reader(options, self._woken.set, backoff=Backoff(max_s=0.2), decoder=decoder)
        self._thread = threading.Thread(target=self._take)
        self._thread.start()
        self.reader.start()

    @property
    def stats(self) -> ReaderStats:
        return self.reader.stats()

    def close(self) -> None:
        self.reader.stop(5.0)
        self._over.set()
        self._woken.set()
        self._thread.join()

    def _take(self) -> None:
        while not self._over.is_set():
            self._woken.wait()
            self._woken.clear()
            while self.reader.frames.take():
                self.frames += 1


@contextmanager
def _nothing_left() -> Generator[None]:
    """Hold to it that no process, no descriptor and no shared memory (which has no name) stays behind."""
    before = (_children(), _descriptors(), _segments())
    yield
    end_s = time.monotonic() + 5.0
    while (_children(), _descriptors(), _segments()) != before and time.monotonic() < end_s:
        time.sleep(0.05)
    assert (_children(), _descriptors(), _segments()) == before


def _children() -> set[int]:
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _segments() -> int:
    return Path("/proc/self/maps").read_text().count("groundcast-pictures")


def _until(done: Callable[[], bool], timeout_s: float = 30.0) -> bool:
    end_s = time.monotonic() + timeout_s
    while not done() and time.monotonic() < end_s:
        time.sleep(0.005)
    return done()


def test_a_decoder_killed_a_hundred_times_comes_back_and_others_go_on() -> None:
    with (
        cameras(2, 640, 360, 25) as urls,
        RtspServer(encode_clip(key_every=10)) as camera,
        _nothing_left(),
        ExitStack() as stack,
    ):
        others = [_Counted(SourceOptions(f"cam{row}", url, decode_process=True)) for row, url in enumerate(urls)]
        for other in others:
            stack.callback(other.close)
        assert _until(lambda: all(other.frames for other in others))
        begin_s, before = time.monotonic(), [other.frames for other in others]
        time.sleep(10.0)
        usual_hz = [(other.frames - was) / 10.0 for other, was in zip(others, before, strict=True)]
        known = _children()
        victim = _Counted(SourceOptions("victim", camera.url, decode_process=True))
        stack.callback(victim.close)
        begin_s, before = time.monotonic(), [other.frames for other in others]
        for number in range(KILLS):
            assert _until(lambda seen=victim.frames: victim.frames > seen), victim.stats
            assert victim.stats.reconnects == number
            (pid,) = _children() - known
            os.kill(pid, signal.SIGKILL)
            assert _until(lambda: victim.stats.state == "reconnecting")
        took_s = time.monotonic() - begin_s
        kept = [
            (other.frames - was) / took_s / usual for other, was, usual in zip(others, before, usual_hz, strict=True)
        ]
        assert [other.stats.reconnects for other in others] == [0, 0]
    print(f"{KILLS} kills in {took_s:.0f} s; the others kept {min(kept):.0%} of {min(usual_hz):.1f} Hz")
    assert min(kept) >= 0.9


@pytest.mark.parametrize(
    ("lie", "said"),
    [("loop", "did nothing for"), ("spin", "took more than"), ("memory", "has ended with 1")],
)
def test_a_decoder_that_loops_or_hoards_is_ended_and_others_go_on(
    lie: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    limit_s = 1.0 if lie == "loop" else 60.0
    if lie == "spin":
        monkeypatch.setattr("groundcast.stream.decoder_process.link.MAX_PROCESSOR_S", 1)
    with RtspServer(encode_clip()) as camera, _nothing_left(), ExitStack() as stack:
        other = _Counted(SourceOptions("other", camera.url, decode_process=True))
        stack.callback(other.close)
        assert _until(lambda: other.frames > 0)
        options = SourceOptions(lie, "rtsp://127.0.0.1/x", read_timeout_s=limit_s, decode_process=True)
        victim = _Counted(options, DecoderProcess(LIAR))
        stack.callback(victim.close)
        began_s, seen = time.monotonic(), other.frames
        for _ in range(3):
            assert _until(lambda: victim.stats.state == "reconnecting")
            assert said in (victim.stats.error or "")
            ended = _children()
            assert _until(lambda ended=ended: bool(_children() - ended))
        assert other.frames - seen >= 0.9 * 25.0 * (time.monotonic() - began_s) - 2
        assert (other.stats.state, other.stats.reconnects) == ("running", 0)
