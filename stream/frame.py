"""A frame: one picture in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..model.image import Image, Rgb, rgb_of
from .depth_image import DepthImage

Clock = Literal["rtcp", "driver", "push", "arrival", "file"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture, when it was taken and on which clock.

    Args:
        source: the source's name.
        generation: grows when a source is added again under the same name.
        index: counts decoded frames of the source from 0, dropped ones included.
        pts: presentation time in ticks of `time_base`, or None where the stream states none.
        time_base: (numerator, denominator) in seconds per tick.
        time_s: the frame's time on the source's own clock in seconds: never runs backwards and does
            not jump when `clock` changes. For tracking.
        captured_unix_ns: when the picture was taken, or None for files.
        clock: the clock that it is read from.
        captured_error_ms: the largest likely error of `captured_unix_ns`, or None for files.
        received_ns: monotonic; when the picture's first bytes were handed to the decoder.
        decoded_ns: monotonic; when the decoded picture was there, as the detector takes it.
        frame_id: the camera's coordinate frame, if the user named it.
        image: (height, width, 3) uint8 RGB, or as it was decoded; origin top left, x right, y down.
        captured_sent_unix_ns: the sender's own stamp, where `captured_unix_ns` is another; None else.
        still_s: for how long before it nothing moved, so that pictures were skipped; part of the time since the last
            frame.
        still_total_s: the same, since the first frame.
        file: the name of the picture's own file, where the source is a folder; None else.
        captured_monotonic_ns: the same moment as `captured_unix_ns` on this computer's monotonic clock, which cannot
            be set: ages are counted from it. None for files.
        depth: the depth picture that was sent with it.
    """

    source: str
    generation: int
    index: int
    pts: int | None
    time_base: tuple[int, int]
    time_s: float
    captured_unix_ns: int | None
    clock: Clock
    captured_error_ms: float | None
    received_ns: int
    decoded_ns: int
    frame_id: str | None
    image: Image
    captured_monotonic_ns: int | None = None
    captured_sent_unix_ns: int | None = None
    file: str | None = None
    depth: DepthImage | None = None
    still_s: float = 0.0
    still_total_s: float = 0.0

    @property
    def rgb(self) -> Rgb:
        """The picture as an array on the host, converted at the first call if needed."""
        return rgb_of(self.image)

    @property
    def width(self) -> int:
        return self.image.shape[1]

    @property
    def height(self) -> int:
        return self.image.shape[0]
