"""What an opened source hands to the reader: pictures, and signs of life."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .frame import Clock


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture and all that the stream says about its time.

    Args:
        rgb: makes the image, (height, width, 3) uint8 RGB, which costs time and is left out where nobody wants it.
            None if the picture turns out to be damaged, and has been counted as such.
        pts: presentation time in ticks of `time_base`, None where the stream states none that can be used.
        time_base: (numerator, denominator) in seconds per tick.
        camera_unix_ns: when the camera, or the program that sends it, says it was taken; None where it does not.
        driver_us: when the video driver says it was taken (microseconds since start-up or since 1970), None where
            there is none.
        received_ns: monotonic; when the packet was handed to the decoder.
        frame_id: the camera's coordinate frame, where the sender names it.
        superseded: a newer one is already at hand, so that this one need only be counted.
    """

    rgb: Callable[[], NDArray[np.uint8] | None]
    pts: int | None
    time_base: tuple[int, int]
    camera_unix_ns: int | None
    driver_us: int | None
    received_ns: int
    frame_id: str | None = None
    superseded: bool = False

    @property
    def pts_s(self) -> float | None:
        numerator, denominator = self.time_base
        return None if self.pts is None else self.pts * numerator / denominator


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a source said about itself when it was opened.

    Args:
        live: pictures come when they are taken; else the source waits until it is read, and ends.
        dated: when its pictures were taken can be told, at least by their arrival.
        container: FFmpeg's name of how the video travels: rtsp, mov,mp4,..., v4l2.
        codec: FFmpeg's name of how its pictures are coded: h264, hevc, mjpeg.
        rate_hz: pictures per second as stated, None where nothing is.
        stamped_by: whose clock `Picture.camera_unix_ns` is read on.
    """

    live: bool
    dated: bool
    container: str
    codec: str
    rate_hz: float | None
    stamped_by: Clock = "rtcp"


@dataclass(slots=True)
class Pulse:
    """Signs of life of a connection, written by its thread and read by any.

    Args:
        packet_ns: monotonic; the last packet.
        progress_ns: monotonic; the last packet whose time was another than that of the one before.
        interval_s: the longest between two packets lately; forgotten by a tenth with each packet.
        packets: packets so far.
        keys: key frames among them.
        key_distance_s: from the last key frame but one to the last, on the stream's clock; None before that.
        corrupt: packets and pictures that could not be decoded.
        warning: why pictures are left out or refused, None while none are.
    """

    packet_ns: int
    progress_ns: int
    interval_s: float = 0.0
    packets: int = 0
    keys: int = 0
    key_distance_s: float | None = None
    corrupt: int = 0
    warning: str | None = None

    def beat(self, *, moved: bool, is_key: bool) -> None:
        """A packet has come, just now; `moved` if its time is another than that of the one before."""
        now_ns = time.monotonic_ns()
        if moved:
            self.progress_ns = now_ns
        if self.packets:
            self.interval_s = max((now_ns - self.packet_ns) / 1e9, 0.9 * self.interval_s)
        self.packet_ns = now_ns
        self.packets += 1
        self.keys += is_key


class Connection(Protocol):
    """What the reader needs of an opened source. One thread owns it.

    Attributes:
        facts: what the source said about itself.
        rate_hz: as stated, or the usual one.
        held_back_s: how long a picture is known to wait on our side before it counts as received.
        shortfall: after the end: what was missing, None if nothing.
    """

    facts: StreamFacts
    rate_hz: float
    held_back_s: float
    pulse: Pulse
    shortfall: str | None

    def pictures(self) -> Iterator[Picture]: ...
    def close(self) -> None: ...
