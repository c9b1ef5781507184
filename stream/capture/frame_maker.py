"""Frame factory: numbers and dates a source's pictures, and skips those beyond the target rate."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import NamedTuple

from ...model.image import Image, ImageError
from ..clock import Clock
from ..decode.opened_source import OpenedSource, TimedPicture
from ..frame import Frame
from ..options import SourceOptions
from ..timing.capture_clock import Capture, CaptureClock
from ..timing.freeze_detector import FreezeDetector
from ..timing.media_time import MediaTime
from ..timing.rate_limit import RateLimit
from .watch_rule import WatchRule

_log = logging.getLogger(__name__)


class Moment(NamedTuple):
    """When a picture was taken.

    Args:
        time_s: on the source's own clock, which is the tracker's.
        capture: on this computer's clocks; None for recordings.
    """

    time_s: float
    capture: Capture | None


class FrameMaker:
    """Makes the frames of one source, over all its connections. For one thread; `warnings` and `index` for any.

    Args:
        options: the source. May be replaced at any time.
        generation: of every frame.
        clock: the monotonic and the wall clock.
        delay_known: a picture arrives without delay, apart from the latency in `options`.
    """

    def __init__(self, options: SourceOptions, generation: int, clock: Clock, *, delay_known: bool) -> None:
        self.options = options
        self._log = logging.LoggerAdapter(_log, {"source": options.name})  # for logs that machines read
        self.index = 0
        self._generation = generation
        self._connection: OpenedSource | None = None
        self._media_time = MediaTime(live=True)
        self._capture_clock = CaptureClock(
            delay_known=delay_known, unix_from_monotonic_ns=lambda: clock.unix_ns() - clock.monotonic_ns()
        )
        self._rate_limit = RateLimit()
        self._watch_rule = WatchRule()
        self._freeze = FreezeDetector()

    @property
    def still(self) -> int:
        """Pictures skipped because nothing moved."""
        return self._watch_rule.still

    @property
    def off_schedule(self) -> int:
        """Pictures skipped because of the schedule."""
        return self._watch_rule.off_schedule

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the pictures or their times."""
        return [text for text in (self._capture_clock.warning, self._freeze.warning) if text]

    def begin(self, connection: OpenedSource) -> None:
        """Take pictures of a new connection: nothing known of earlier times and pictures applies to them."""
        if self.index == 0:
            self._media_time = MediaTime(live=connection.facts.live, may_leap=connection.facts.may_leap)
        self._connection = connection
        self._media_time.restart()
        self._capture_clock.restart()
        self._rate_limit, self._freeze = RateLimit(), FreezeDetector()

    def place(self, picture: TimedPicture) -> Moment:
        """When the picture was taken. Called for every picture, since each refines the clock estimate."""
        connection = self._connection
        assert connection is not None, "begun"
        time_s = self._media_time.advance(picture.pts_s, picture.received_ns, connection.rate_hz)
        capture: Capture | None = None
        if connection.facts.dated:
            self._capture_clock.latency_ms = self.options.camera_latency_ms
            capture = self._capture_clock.place(
                time_s,
                picture.received_ns,
                camera_unix_ns=picture.camera_unix_ns,
                stamped_by=connection.facts.stamped_by,
                driver_us=picture.driver_us,
                held_back_s=connection.held_back_s,
            )
        return Moment(time_s, capture)

    def wants(self, picture: TimedPicture, moment: Moment) -> bool:
        """Whether to make a frame of the picture; a skipped one is counted, too."""
        wanted = not picture.superseded and self._rate_limit.takes(moment.time_s, self.options.target_hz)
        wanted = wanted and self._watch_rule.wants(self.options, picture, moment.time_s, moment.capture)
        self.index += not wanted
        return wanted

    def frame(self, picture: TimedPicture, moment: Moment) -> Frame | None:
        """The picture's frame; None, and not counted, where it turns out to be damaged."""
        image = picture.image()
        if image is None:
            return None
        if self._connection and self._connection.facts.live:
            self._watch(image)
        index, self.index = self.index, self.index + 1
        still_s = self._watch_rule.take_still_s()
        time_s, capture = moment
        return Frame(
            source=self.options.name,
            generation=self._generation,
            index=index,
            pts=picture.pts,
            time_base=picture.time_base,
            time_s=time_s,
            captured_unix_ns=capture.unix_ns if capture else None,
            clock=capture.clock if capture else "file",
            captured_error_ms=capture.error_ms if capture else None,
            received_ns=picture.received_ns,
            decoded_ns=time.monotonic_ns(),
            frame_id=self.options.frame_id or picture.frame_id,
            image=image,
            captured_monotonic_ns=capture.monotonic_ns if capture else None,
            captured_sent_unix_ns=_replaced_stamp(picture, capture),
            file=picture.file,
            depth=picture.depth,
            still_s=still_s,
            still_total_s=self._watch_rule.still_total_s,
        )

    def _watch(self, image: Image) -> None:
        was_warned = self._freeze.warning is not None
        with suppress(ImageError):  # the detector may do without the conversion, or will say why it cannot
            self._freeze.update(image, time.monotonic(), self.options.frozen_after_s)
        warning = self._freeze.warning
        if warning and not was_warned:
            self._log.warning("source %s: %s", self.options.name, warning)
        elif was_warned and not warning:
            self._log.info("source %s: the pictures change again", self.options.name)


def _replaced_stamp(picture: TimedPicture, capture: Capture | None) -> int | None:
    """The sender's own stamp, where another time is used. A message holds none from before 1970."""
    stamp_ns = picture.camera_unix_ns
    is_replaced = capture is not None and stamp_ns is not None and stamp_ns != capture.unix_ns and stamp_ns >= 0
    return stamp_ns if is_replaced else None
