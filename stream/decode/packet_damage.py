"""Packet damage: which of the packets that FFmpeg marks as corrupt really are."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from av.packet import Packet
from av.video.stream import VideoStream

from ..timing.media_time import MAX_GAP_S

_END_OF_JPEG = b"\xff\xd9"
_LATE_PACKETS = 2  # of a part, which FFmpeg's parser hands out behind the one that it marked


class PacketDamage:
    """Counts damaged packets. FFmpeg's mark is no proof where one part of a stream ends and another begins.

    The last part of a multipart stream has no length where none is stated. The packets of MPEG-TS are numbered, and in
    parts that were put together, as HLS does, the numbers begin anew; so do the times.

    Args:
        container: FFmpeg's name.
        may_leap: the timestamps of its parts may begin anew.
    """

    def __init__(self, container: str, *, may_leap: bool) -> None:
        self._container, self._may_leap = container, may_leap
        self._suspect_ages: list[int] = []  # packets since each suspect, which is sound if a part ends there
        self._last_s: float | None = None

    def add(self, packet: Packet[VideoStream], decoded_s: float) -> int:
        """How many more packets are now known to be damaged.

        Args:
            packet: the next one.
            decoded_s: its decoding time.
        """
        step_s = 0.0 if self._last_s is None else decoded_s - self._last_s
        begins_part = not 0.0 <= step_s <= MAX_GAP_S
        self._last_s = decoded_s
        ages = [] if begins_part else [age + 1 for age in self._suspect_ages]
        self._suspect_ages = [age for age in ages if age <= _LATE_PACKETS]
        damaged = len(ages) - len(self._suspect_ages)
        if not packet.is_corrupt or self._container == "hls" or self._is_whole_jpeg(packet):
            return damaged
        if self._may_leap:
            self._suspect_ages.append(0)
            return damaged
        return damaged + 1

    def end(self) -> int:
        """As `add`, where nothing follows."""
        damaged = len(self._suspect_ages)
        self._suspect_ages.clear()
        return damaged

    def _is_whole_jpeg(self, packet: Packet[VideoStream]) -> bool:
        return self._container == "mpjpeg" and bytes(packet).rstrip(b"\r\n").endswith(_END_OF_JPEG)
