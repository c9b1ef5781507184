"""Shortfall: how much shorter a recording is than the length that its container states."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from .cut_off import is_cut_off

_MICROSECONDS = 1_000_000
_MAX_CLOSING_BYTES = 1024  # the last boundary of a multipart stream, behind which FFmpeg looks for one more part
_KNOW_THEIR_LENGTH = frozenset({"mov", "matroska", "avi", "flv"})
_SLACK_S, _SLACK_INTERVALS = 0.5, 3
_SLACK_OF_CUT_INTERVALS = 1.5
_SLACK_OF_OTHERS_S, _SLACK_OF_OTHERS = 1.0, 0.02  # by how much sound may outlast the pictures


class ReadSpan:
    """How much of a recording has been read, from its first packet on.

    Args:
        container, stream: what is read.
        rate_hz: pictures a second, as stated or usual.
        path: the file, where it is one on this computer.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, rate_hz: float, path: Path | None) -> None:
        self._formats = frozenset(container.format.name.split(","))
        self._is_matroska = "matroska" in self._formats
        self._time_base = stream.time_base or Fraction(1, _MICROSECONDS)
        self._begin = stream.start_time  # as FFmpeg found it; on the way it may set another
        self._begins_stated = self._begin is not None
        self._end = 0
        self._interval_s = 1.0 / rate_hz
        self._stream_s = None if stream.duration is None else float(stream.duration * self._time_base)
        self._whole_s = (container.duration or 0) / _MICROSECONDS  # of the longest stream
        self._is_alone = len(container.streams) == 1
        self._bytes = container.size
        self._read_bytes = 0
        self._is_cut: bool | None = None  # nothing is known
        if path is not None and path.is_file():  # a pipe may be read once
            with suppress(OSError):  # it may be gone by now, and is read all the same
                self._is_cut = is_cut_off(path)

    def note(self, packet: Packet[VideoStream]) -> None:
        """Note a packet that was read."""
        self._read_bytes = (packet.pos or 0) + packet.size
        when = packet.dts if packet.pts is None else packet.pts
        if when is None:
            return
        if not self._begins_stated:
            self._begin = when if self._begin is None else min(self._begin, when)
        self._end = max(self._end, when + (packet.duration or 0))

    @property
    def seconds(self) -> float:
        """Duration of the part that was read."""
        return max(0.0, float((self._end - (self._begin or 0)) * self._time_base))

    @property
    def is_complete(self) -> bool:
        """Whether an error behind the last packet is only the end of a multipart stream."""
        return "mpjpeg" in self._formats and 0 <= self._bytes - self._read_bytes <= _MAX_CLOSING_BYTES

    @property
    def missing(self) -> str | None:
        """The part that exists, as "14.0 s of 15.0 s"; None where nothing is missing or no length is stated."""
        stated_s, slack_s = self._stated_s()
        # A Matroska file counts its length from 0, wherever its first picture lies.
        read_s = max(self.seconds, float(self._end * self._time_base)) if self._is_matroska else self.seconds
        if stated_s - read_s > slack_s:
            return f"{read_s:.1f} s of {stated_s:.1f} s"
        if self._is_cut and not self._is_matroska:  # which may lack nothing but its index
            return f"{read_s:.1f} s, and the rest was cut off"
        return None

    def _stated_s(self) -> tuple[float, float]:
        """The stated length of the video, and the tolerance below it."""
        if not _KNOW_THEIR_LENGTH & self._formats or (self._is_cut is False and self._is_matroska):
            return 0.0, 0.0  # the length of a Matroska file is that of its longest stream, or what its writer wished
        if self._is_cut and "avi" in self._formats:  # whose length FFmpeg then takes from its size
            return 0.0, 0.0
        if self._is_cut:
            return self._stream_s or self._whole_s, _SLACK_OF_CUT_INTERVALS * self._interval_s
        slack_s = max(_SLACK_S, _SLACK_INTERVALS * self._interval_s)
        if self._stream_s is not None:
            return self._stream_s, slack_s
        if self._is_alone:
            return self._whole_s, slack_s
        return self._whole_s, max(_SLACK_OF_OTHERS_S, _SLACK_OF_OTHERS * self._whole_s)
