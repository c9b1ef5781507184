"""Packet ring: the last undecoded packets of a source, from a key frame on, bounded in bytes and seconds."""

# PyAV leaves some of its types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import io
import threading
from collections import deque
from dataclasses import dataclass
from typing import cast

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

_MAX_UNTIMED = 25  # packets before the first that has a time: some cameras state none until their first report
MAX_LEAP_S = 10.0  # between two packets; after a longer time, or a step back, times mean something else


@dataclass(frozen=True, slots=True)
class KeptPacket:
    """One packet.

    Args:
        number: counts the packets of the ring.
        packet: as FFmpeg read it; not to be changed.
        at_s: its presentation time on the stream's own clock.
        begins: nothing before it belongs to it: the connection is new, or its times have leapt.
    """

    number: int
    packet: Packet[VideoStream]
    at_s: float
    begins: bool

    @property
    def is_key(self) -> bool:
        """Whether decoding can begin here."""
        return bool(self.packet.is_keyframe)


class PacketRing:
    """Keeps packets for clips. The reader's thread adds them; any thread reads.

    Whole groups of pictures are dropped, the oldest first, so that the first packet is always a key frame.

    Attributes:
        left_out: why this source has no clips; None while it can have some.
        by_frame_time: its packets are timed as the frames are (`Frame.time_s`), not as their stream is.

    Args:
        max_bytes: of the packets together.
        keep_s: how far back they reach at least, where the bytes allow it.
    """

    def __init__(self, max_bytes: int, keep_s: float) -> None:
        self.left_out: str | None = None
        self.by_frame_time = False
        self._max_bytes, self._keep_s = max_bytes, keep_s
        self._lock = threading.Lock()
        self._packets: deque[KeptPacket] = deque()
        self._keys: deque[float] = deque()  # times of the key frames that are kept
        self._bytes = 0
        self._next = 0
        self._begins = True
        self._untimed: list[Packet[VideoStream]] = []
        self._template: tuple[OutputContainer, VideoStream] | None = None

    def begin(self, stream: VideoStream) -> None:
        """Take packets of a new connection."""
        with self._lock:
            self._clear()
            self._untimed, self._template = [], None
            try:
                container = av.open(io.BytesIO(), "w", format="mp4")
                self._template = container, container.add_stream_from_template(stream)
                self.left_out = None
            except (FFmpegError, ValueError) as error:
                self.left_out = f"its codec does not go into an MP4 file ({error})"

    def add(self, packet: Packet[VideoStream]) -> None:
        """Add the next packet. One without a presentation time is left out, unless a connection begins with it."""
        if self._template is None:
            return
        if packet.pts is None:
            if not self._packets and len(self._untimed) < _MAX_UNTIMED:
                self._untimed.append(packet)
            return
        earlier, self._untimed = self._untimed, []
        for one in (*_timed_before(packet, earlier), packet):
            self._add(one)

    def _add(self, packet: Packet[VideoStream]) -> None:
        at_s = float((packet.pts or 0) * packet.time_base)
        with self._lock:
            if self._packets and not -MAX_LEAP_S < at_s - self._packets[-1].at_s < MAX_LEAP_S:
                self._clear()
            if not self._packets and not packet.is_keyframe:
                return
            self._packets.append(KeptPacket(self._next, packet, at_s, self._begins))
            self._next += 1
            self._begins = False
            self._bytes += packet.size
            if packet.is_keyframe:
                self._keys.append(at_s)
            while self._is_old(at_s) or self._bytes > self._max_bytes:
                self._drop_group()

    def since(self, number: int) -> list[KeptPacket]:
        """The packets from this number on; fewer where the oldest are gone."""
        with self._lock:
            wanted: list[KeptPacket] = []
            for kept in reversed(self._packets):
                if kept.number < number:
                    break
                wanted.append(kept)
        return wanted[::-1]

    def start_for(self, at_s: float) -> KeptPacket | None:
        """The last key frame at or before a time, else the first one that is kept; None where there is none."""
        with self._lock:
            found: KeptPacket | None = None
            for kept in self._packets:
                if kept.is_key and (found is None or kept.at_s <= at_s):
                    found = kept
            return found

    @property
    def template(self) -> VideoStream | None:
        """The stream's codec, for a file that is written; it outlives the connection."""
        with self._lock:
            return None if self._template is None else self._template[1]

    @property
    def size_bytes(self) -> int:
        """The size of the packets that are kept."""
        with self._lock:
            return self._bytes

    def _is_old(self, now_s: float) -> bool:
        return len(self._keys) > 1 and self._keys[1] < now_s - self._keep_s

    def _drop_group(self) -> None:
        """Drop the first key frame and all up to the next."""
        while self._packets:
            self._bytes -= self._packets.popleft().packet.size
            if self._packets and self._packets[0].is_key:
                break
        self._keys.popleft()
        if not self._packets:
            self._keys.clear()
            self._begins = True

    def _clear(self) -> None:
        self._packets.clear()
        self._keys.clear()
        self._bytes = 0
        self._begins = True


def _timed_before(packet: Packet[VideoStream], earlier: list[Packet[VideoStream]]) -> list[Packet[VideoStream]]:
    """Copies of the packets before this one, with times counted back from its own; none without a duration."""
    first = packet.pts if packet.dts is None else packet.dts
    if first is None or not packet.duration:
        return []
    timed: list[Packet[VideoStream]] = []
    for steps, one in zip(range(len(earlier), 0, -1), earlier, strict=True):
        copy = cast("Packet[VideoStream]", Packet(bytes(one)))
        copy.stream, copy.time_base = packet.stream, packet.time_base
        copy.pts = copy.dts = first - steps * packet.duration
        copy.duration, copy.is_keyframe = packet.duration, one.is_keyframe
        timed.append(copy)
    return timed
