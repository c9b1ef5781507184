"""Writes pictures into an H.264 MP4 file."""

# PyAV leaves some of its types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ..exits import RunError, writing

_TICKS_HZ = 12800  # fine enough for any camera's rate


class VideoFile:
    """An H.264 file that grows picture by picture; its size is that of the first one.

    Args:
        path: where it goes; what is there is replaced.

    Raises:
        InputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        with writing(path):
            path.open("wb").close()  # fails now, where FFmpeg would at the first picture
        self._container = av.open(str(path), "w", format="mp4")
        self._stream: VideoStream | None = None
        self._first_s = 0.0
        self._last_tick = -1
        self._path = path
        self._broken = False

    def write(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Append one RGB picture, to be shown at `time_s` counted from the first one's.

        Raises:
            RunError: the file does not take it; the disk may be full.
        """
        if self._stream is None:
            self._stream = self._add_stream(image)
            self._first_s = time_s
        stream = self._stream
        if image.shape[:2] != (stream.height, stream.width):
            image = cv2.resize(image, (stream.width, stream.height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        self._last_tick = max(self._last_tick + 1, round((time_s - self._first_s) * _TICKS_HZ))
        frame.pts, frame.time_base = self._last_tick, Fraction(1, _TICKS_HZ)
        with self._growing():
            for packet in stream.encode(frame):
                self._container.mux(packet)

    def close(self) -> None:
        """Flush the encoder and finish the file.

        Raises:
            RunError: as `write` does.
        """
        with self._growing():
            try:
                if self._stream is not None and not self._broken:
                    for packet in self._stream.encode(None):
                        self._container.mux(packet)
            finally:
                self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _growing(self) -> Generator[None]:
        """Turn errors in writing the file into a RunError."""
        try:
            yield
        except (OSError, FFmpegError) as error:
            if self._broken:
                return  # reported already
            self._broken = True
            why = getattr(error, "strerror", None) or str(error)
            raise RunError(f"{self._path} cannot be written any further ({why}): make room, or name another") from error

    def _add_stream(self, image: NDArray[np.uint8]) -> VideoStream:
        # Without x264's macroblock tree the same pictures give the same bytes; with it they do not on some processors.
        options = {"preset": "veryfast", "crf": "20", "x264-params": "mbtree=0"}
        stream = self._container.add_stream("libx264", rate=30, options=options)
        stream.height, stream.width = (side - side % 2 for side in image.shape[:2])  # the format needs even sides
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, _TICKS_HZ)
        return stream
