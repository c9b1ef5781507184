"""One opened video: its container, its packets and the pictures decoded from them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .colour import RgbConverter
from .options import SourceOptions
from .source_url import SourceError, path_of, redact

_USUAL_RATE_HZ = 25.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture and all that the stream says about its time.

    Args:
        image: (height, width, 3) uint8 RGB.
        pts: presentation time in ticks of `time_base`, None where the stream states none.
        time_base: (numerator, denominator) in seconds per tick.
        camera_unix_ns: when the camera says it was taken (RTCP), None where it does not.
        received_ns: monotonic; when the packet was handed to the decoder.
        decoded_ns: monotonic; when the picture came out of it.
    """

    image: NDArray[np.uint8]
    pts: int | None
    time_base: tuple[int, int]
    camera_unix_ns: int | None
    received_ns: int
    decoded_ns: int


class Connection(Protocol):
    """What the reader needs of an opened source. One thread owns it."""

    @property
    def rate_hz(self) -> float: ...
    @property
    def corrupt(self) -> int: ...
    @property
    def shortfall(self) -> str | None: ...
    def pictures(self) -> Iterator[Picture]: ...
    def close(self) -> None: ...


class VideoFile:
    """A recording: every picture in order.

    Raises:
        SourceError: the file is missing or is no video.
    """

    def __init__(self, options: SourceOptions) -> None:
        self.corrupt = 0
        self.shortfall: str | None = None
        self._where = redact(options.url)
        try:
            self._container: InputContainer = av.open(f"file:{path_of(options.url)}")
        except (FFmpegError, OSError) as error:
            raise SourceError(f"{self._where} cannot be opened ({type(error).__name__})") from None
        self._stream: VideoStream = self._container.streams.video[0]
        self.rate_hz = float(self._stream.guessed_rate or _USUAL_RATE_HZ)
        self._converter = RgbConverter()

    def pictures(self) -> Iterator[Picture]:
        for packet in self._container.demux(self._stream):
            yield from self._decode(packet)

    def _decode(self, packet: Packet[VideoStream]) -> Iterator[Picture]:
        received_ns = time.monotonic_ns()
        time_base = self._stream.time_base
        assert time_base is not None
        try:
            frames = packet.decode()
        except FFmpegError:
            self.corrupt += 1
            return
        for frame in frames:
            decoded_ns = time.monotonic_ns()
            image = self._converter.convert(frame)
            yield Picture(image, frame.pts, time_base.as_integer_ratio(), None, received_ns, decoded_ns)

    def close(self) -> None:
        self._container.close()
