"""A reader whose frames a test takes."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np

from groundcast.stream.capture.backoff import Backoff
from groundcast.stream.capture.reader import Reader
from groundcast.stream.frame import Frame
from groundcast.stream.options import SourceOptions
from groundcast.stream.stats import ReaderStats

DATA = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Taken:
    """A frame, how many were dropped before it, and when it was taken."""

    frame: Frame
    dropped: int
    unix_ns: int


class WatchedReader:
    """Starts a reader, takes its frames and stops it at the end.

    Args:
        options: the source.
        take_every_s: 0 takes each frame as it comes.
        backoff: handed on.
        pictures: keep them; else a corner of each.
    """

    def __init__(
        self,
        options: SourceOptions,
        take_every_s: float = 0.0,
        backoff: Backoff | None = None,
        *,
        pictures: bool = True,
    ) -> None:
        self._pictures = pictures
        self.taken: list[Taken] = []
        self._woken = threading.Event()
        self._take_every_s = take_every_s
        self.reader = Reader(options, self._woken.set, backoff=backoff)

    @property
    def frames(self) -> list[Frame]:
        return [taken.frame for taken in self.taken]

    @property
    def stats(self) -> ReaderStats:
        """The reader's counters, after a check that they add up."""
        stats, counts = self.reader.stats(), self.reader.frames.counts
        assert counts.put == counts.taken + counts.dropped + counts.waiting
        return stats

    def __enter__(self) -> Self:
        self.reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.reader.stop()
        counts = self.reader.frames.counts
        assert counts.put == counts.taken + counts.dropped

    def until(self, done: Callable[[], bool], timeout_s: float = 60.0) -> bool:
        """Take frames until `done` says so; false if that takes too long."""
        end_s = time.monotonic() + timeout_s
        while not done() and time.monotonic() < end_s:
            if self._take_every_s:
                time.sleep(self._take_every_s)
            else:
                self._woken.wait(0.02)
                self._woken.clear()
            while taken := self.reader.frames.take():
                frame, dropped = taken
                if not self._pictures:
                    frame = replace(frame, image=frame.rgb[:1, :1].copy())
                self.taken.append(Taken(frame, dropped, time.time_ns()))
                if self._take_every_s:
                    break
        return done()

    def until_frames(self, count: int, timeout_s: float = 60.0) -> bool:
        return self.until(lambda: len(self.taken) >= count, timeout_s)

    def until_finished(self, timeout_s: float = 60.0) -> bool:
        return self.until(lambda: self.reader.finished, timeout_s)


def read_all(url: str | Path, *, pictures: bool = True) -> tuple[list[Frame], ReaderStats]:
    """Every frame of a recording, and the counters at its end."""
    with WatchedReader(SourceOptions("file", str(url)), pictures=pictures) as watched:
        assert watched.until_finished()
        return watched.frames, watched.stats


def write_video(path: Path, pictures: int = 20, rotation: int = 0) -> Path:
    """20 pictures a second, a key frame every ten; picture n is of grey level 10 (n mod 25), a quarter of it 200."""
    with av.open(path, "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream("libx264", 20, options={"bf": "2", "g": "10", "sc_threshold": "0", "qp": "12"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(pictures):
            image = np.full((96, 160, 3), 10 * (number % 25), np.uint8)
            image[:48, :80] = 200
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


def write_picture(path: Path, level: int, width: int = 40) -> None:
    """A picture of one grey level, 30 px high."""
    cv2.imwrite(str(path), np.full((30, width, 3), level, np.uint8))
