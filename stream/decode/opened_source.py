"""An opened source: the pictures and the stream properties that a reader gets from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...model.image import Image
from ..depth_image import DepthImage
from ..frame import Clock
from ..timing.liveness import Liveness


@dataclass(frozen=True, slots=True)
class TimedPicture:
    """One decoded picture and all timestamps that the stream states for it.

    Args:
        image: makes the image, as in `Frame`; not called for skipped pictures, since it costs time. Returns None if the
            picture turns out to be damaged, which is then counted.
        pts: presentation time in ticks of `time_base`, None where the stream states none that can be used.
        time_base: (numerator, denominator) in seconds per tick.
        camera_unix_ns: when the camera, or the program that sends it, says it was taken; None where it does not.
        driver_us: when the video driver says it was taken (microseconds since start-up or since 1970), None where
            there is none.
        received_ns: monotonic; when the packet was handed to the decoder.
        frame_id: the camera's coordinate frame, where the sender names it.
        file: the name of the picture's own file, where its source is a folder.
        depth: the depth picture that was sent with it.
        grey: makes its brightness alone, (h, w) uint8 and upright, which costs less than the image; returns None where
            that has to be made of the image.
        superseded: a newer one has arrived, so that this one is only counted.
    """

    image: Callable[[], Image | None]
    pts: int | None
    time_base: tuple[int, int]
    camera_unix_ns: int | None
    driver_us: int | None
    received_ns: int
    frame_id: str | None = None
    file: str | None = None
    depth: DepthImage | None = None
    superseded: bool = False
    grey: Callable[[], NDArray[np.uint8] | None] | None = None

    @property
    def pts_s(self) -> float | None:
        numerator, denominator = self.time_base
        return None if self.pts is None else self.pts * numerator / denominator


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The stream's properties, as stated when it was opened.

    Args:
        live: pictures come when they are taken; else the source waits until it is read, and ends.
        dated: its pictures have a capture time, at least by their arrival.
        container: FFmpeg's name of the format: rtsp, mov,mp4,..., v4l2.
        codec: FFmpeg's name of the codec: h264, hevc, av1, mjpeg.
        rate_hz: pictures per second as stated, None where nothing is.
        stamped_by: whose clock `TimedPicture.camera_unix_ns` is read on.
        notice: what was chosen of several streams, or is changed in all pictures; None where there is nothing to say.
        may_leap: the timestamps of its parts may begin anew.
        polled: pictures are requested one by one, at `rate_hz`.
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
        facts: the stream's properties.
        rate_hz: as stated, or the usual one.
        held_back_s: how long a picture is known to wait in this process before it counts as received.
        shortfall: after the end: what was missing, None if nothing.
    """

    facts: StreamFacts
    rate_hz: float
    held_back_s: float
    liveness: Liveness
    shortfall: str | None

    def pictures(self) -> Iterator[TimedPicture]: ...
    def close(self) -> None: ...
