"""What an opened source hands to the reader: pictures, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ...model.image import Image
from ..frame import Clock
from ..timing.liveness import Liveness


@dataclass(frozen=True, slots=True)
class TimedPicture:
    """One decoded picture and all that the stream says about its time.

    Args:
        image: makes the image, as `Frame` has it, which costs time and is left out where nobody wants it.
            None if the picture turns out to be damaged, and has been counted as such.
        pts: presentation time in ticks of `time_base`, None where the stream states none that can be used.
        time_base: (numerator, denominator) in seconds per tick.
        camera_unix_ns: when the camera, or the program that sends it, says it was taken; None where it does not.
        driver_us: when the video driver says it was taken (microseconds since start-up or since 1970), None where
            there is none.
        received_ns: monotonic; when the packet was handed to the decoder.
        frame_id: the camera's coordinate frame, where the sender names it.
        file: the name of the picture's own file, where its source is a folder.
        superseded: a newer one is already at hand, so that this one need only be counted.
    """

    image: Callable[[], Image | None]
    pts: int | None
    time_base: tuple[int, int]
    camera_unix_ns: int | None
    driver_us: int | None
    received_ns: int
    frame_id: str | None = None
    file: str | None = None
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
        codec: FFmpeg's name of how its pictures are coded: h264, hevc, av1, mjpeg.
        rate_hz: pictures per second as stated, None where nothing is.
        stamped_by: whose clock `TimedPicture.camera_unix_ns` is read on.
        notice: what was chosen of several streams, or is changed in all pictures; None where there is nothing to say.
        may_leap: its parts may each count time from elsewhere.
        polled: pictures come because they are asked for, at `rate_hz`.
    """

    live: bool
    dated: bool
    container: str
    codec: str
    rate_hz: float | None
    stamped_by: Clock = "rtcp"
    notice: str | None = None
    may_leap: bool = False
    polled: bool = False


class OpenedSource(Protocol):
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
    pulse: Liveness
    shortfall: str | None

    def pictures(self) -> Iterator[TimedPicture]: ...
    def close(self) -> None: ...
