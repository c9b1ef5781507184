"""Writes pictures into an MP4 file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray


class VideoFile:
    """An H.264 file that grows picture by picture; its size is that of the first one.

    Args:
        path: where it goes; what is there is replaced.
        rate_hz: pictures per second.
    """

    def __init__(self, path: Path, rate_hz: float) -> None:
        self._container = av.open(str(path), "w", format="mp4")
        self._rate = Fraction(rate_hz).limit_denominator(1001)
        self._stream: VideoStream | None = None

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append one RGB picture."""
        if self._stream is None:
            self._stream = self._add_stream(image)
        stream = self._stream
        if image.shape[:2] != (stream.height, stream.width):
            image = cv2.resize(image, (stream.width, stream.height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
            self._container.mux(packet)

    def close(self) -> None:
        """Write what is still inside the encoder, then the end of the file."""
        try:
            if self._stream is not None:
                for packet in self._stream.encode(None):
                    self._container.mux(packet)
        finally:
            self._container.close()

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _add_stream(self, image: NDArray[np.uint8]) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=self._rate, options={"preset": "veryfast", "crf": "20"})
        stream.height, stream.width = (side - side % 2 for side in image.shape[:2])  # the format wants even sides
        stream.pix_fmt = "yuv420p"
        return stream
