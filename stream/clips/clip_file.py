"""Clip file: an MP4 that packets are copied into as they are, from a key frame on."""

# PyAV leaves some of its types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from .packet_ring import KeptPacket


class ClipError(OSError):
    """A clip cannot be written; the text says why."""


class ClipFile:
    """An MP4 file of one stream. It is written beside its place, and moved there when it is whole.

    Args:
        path: where it goes.
        template: the stream's codec.
        first: the key frame that it begins with; its time is the clip's zero.

    Raises:
        ClipError: (from all methods) the disk takes no more, or the codec does not go into an MP4 file.
    """

    def __init__(self, path: Path, template: VideoStream, first: KeptPacket) -> None:
        self._path, self._part = path, path.with_name(f".{path.name}.part")
        self._zero = first.packet.pts or 0
        self._last_dts: int | None = None
        self._is_open = False
        try:
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "+faststart"})
            self._is_open = True
            self._stream = self._container.add_stream_from_template(template)
        except (OSError, FFmpegError, ValueError) as error:
            raise self._failure(error) from error

    def add(self, kept: KeptPacket) -> None:
        """Copy a packet. A picture that is shown before the first key frame is left out: it lacks what it refers to."""
        source = kept.packet
        if source.pts is None or source.pts < self._zero:
            return
        packet = Packet(bytes(source))
        packet.time_base = source.time_base
        packet.pts = source.pts - self._zero
        dts = packet.pts if source.dts is None else source.dts - self._zero
        packet.dts = dts if self._last_dts is None else max(dts, self._last_dts + 1)
        self._last_dts = packet.dts
        packet.is_keyframe = source.is_keyframe
        if source.duration:
            packet.duration = source.duration
        packet.stream = self._stream
        try:
            self._container.mux(packet)
        except (OSError, FFmpegError, ValueError) as error:
            raise self._failure(error) from error

    def finish(self) -> None:
        """Complete the file and move it to its place."""
        try:
            self._is_open = False
            self._container.close()
            self._part.replace(self._path)
        except (OSError, FFmpegError, ValueError) as error:
            raise self._failure(error) from error

    def discard(self) -> None:
        """Give up the file."""
        if self._is_open:
            self._is_open = False
            with suppress(OSError, FFmpegError, ValueError):
                self._container.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> ClipError:
        self.discard()
        why = getattr(error, "strerror", None) or str(error)
        return ClipError(f"{self._path} cannot be written ({why})")
