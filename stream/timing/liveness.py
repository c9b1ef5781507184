"""Liveness of an opened source: when packets and pictures came, and whether it stalls."""

from __future__ import annotations

import time
from dataclasses import dataclass

_STALLED_AFTER_S = 1.0
_STALLED_AFTER_INTERVALS = 5
_MAX_LATE_S = 10.0  # one pause of 24 s must not hide the next end of the stream for two minutes


@dataclass(slots=True)
class Liveness:
    """Packet and picture counters of a connection, written by its thread and read by any.

    Args:
        packet_ns: monotonic; the last packet.
        progress_ns: monotonic; the last packet whose time was another than that of the one before.
        interval_s: the longest recent gap between two packets; it decays by a tenth with each packet.
        packets: packets so far.
        keys: key frames among them.
        key_distance_s: from the last key frame but one to the last, on the stream's clock; None before that.
        corrupt: packets and pictures that could not be decoded.
        picture_ns: monotonic; the last picture that came out of the decoder, or the first key frame that went in.
        picture_interval_s: as `interval_s`, of pictures.
        min_patience_s: a gap between pictures up to this long is no stall, however fast they came.
        warning: why pictures are skipped or refused, None while none are.
    """

    packet_ns: int
    progress_ns: int
    interval_s: float = 0.0
    packets: int = 0
    keys: int = 0
    key_distance_s: float | None = None
    corrupt: int = 0
    picture_ns: int | None = None
    picture_interval_s: float = 0.0
    min_patience_s: float = _STALLED_AFTER_S
    warning: str | None = None

    def beat(self, *, moved: bool, is_key: bool) -> None:
        """Note a packet that came just now; `moved` if its time is another than that of the one before."""
        now_ns = time.monotonic_ns()
        if moved:
            self.progress_ns = now_ns
        if self.packets:
            self.interval_s = max((now_ns - self.packet_ns) / 1e9, 0.9 * self.interval_s)
        self.packet_ns = now_ns
        self.packets += 1
        self.keys += is_key
        if is_key and self.picture_ns is None:
            self.picture_ns = now_ns

    def show(self) -> None:
        """Note a picture that came out of the decoder just now."""
        now_ns = time.monotonic_ns()
        if self.picture_ns is not None:
            self.picture_interval_s = max((now_ns - self.picture_ns) / 1e9, 0.9 * self.picture_interval_s)
        self.picture_ns = now_ns

    @property
    def blind_s(self) -> float:
        """For how much longer than usual no picture came out of the decoder; 0 if one did, or before a key frame."""
        if self.picture_ns is None:
            return 0.0
        patience_s = max(self.min_patience_s, _patience_s(self.picture_interval_s))
        return max(0.0, (time.monotonic_ns() - self.picture_ns) / 1e9 - patience_s)

    @property
    def stall(self) -> str | None:
        """Why a live source that was running is stalled; None if it is not."""
        now_ns = time.monotonic_ns()
        patience_s = max(_STALLED_AFTER_S, _patience_s(self.interval_s))
        silent_s, still_s = (now_ns - self.packet_ns) / 1e9, (now_ns - self.progress_ns) / 1e9
        if silent_s > patience_s:
            return f"no packet for {silent_s:.1f} s"
        if still_s > patience_s:
            return f"packets come, but their times stand still for {still_s:.1f} s"
        if self.blind_s and self.picture_ns:
            return f"packets come, but no picture for {(now_ns - self.picture_ns) / 1e9:.1f} s"
        return None

    @property
    def doubt(self) -> str | None:
        """Why a live source that sends packets has given no picture yet; None if nothing is known."""
        if self.packets and not self.keys:
            return "packets come, but no key frame yet"
        return "packets come, but no picture from them" if self.blind_s else None


def _patience_s(interval_s: float) -> float:
    """How long a gap may be after recent gaps of up to `interval_s`: some times that, and at most 10 s more."""
    return min(_STALLED_AFTER_INTERVALS * interval_s, interval_s + _MAX_LATE_S)
