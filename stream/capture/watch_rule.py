"""Watch rule: which of a source's pictures are skipped because nothing moves, or because of the time of day."""

from __future__ import annotations

import cv2
import numpy as np

from ...model.image import rgb_of
from ..decode.opened_source import TimedPicture
from ..motion.motion_gate import Grey, MotionGate, small_grey
from ..motion.schedule import is_scheduled
from ..options import SourceOptions
from ..timing.capture_clock import Capture

_MAX_STEP_S = 2.0  # between two pictures; a longer time without any is a gap


class WatchRule:
    """Decides for each picture of one source whether to make a frame of it. For one thread; the counts for any.

    Attributes:
        still, off_schedule: pictures skipped because nothing moved, and because of the schedule.
        still_total_s: for how long pictures were skipped because nothing moved.
    """

    def __init__(self) -> None:
        self.still = self.off_schedule = 0
        self.still_total_s = 0.0
        self._still_s = 0.0
        self._last_s: float | None = None
        self._gate: MotionGate | None = None

    def wants(self, options: SourceOptions, picture: TimedPicture, time_s: float, capture: Capture | None) -> bool:
        """Whether the picture is detected in.

        Args:
            options: the source's.
            picture: called for its brightness only where motion is looked for.
            time_s: when it was taken, on the source's own clock.
            capture: the same on this computer's clocks; None for recordings, which no schedule concerns.
        """
        step_s, self._last_s = 0.0 if self._last_s is None else time_s - self._last_s, time_s
        if options.schedule is not None and capture is not None and not is_scheduled(options.schedule, capture.unix_ns):
            self.off_schedule += 1
            return False
        if options.motion is None:
            self._gate = None
            return True
        if self._gate is None or self._gate.options != options.motion:
            self._gate = MotionGate(options.motion)
        if self._gate.passes(time_s, lambda: _grey(picture)):
            return True
        self.still += 1
        self._still_s += min(step_s, _MAX_STEP_S)
        return False

    def take_still_s(self) -> float:
        """For how long nothing moved since the last call."""
        still_s, self._still_s = self._still_s, 0.0
        self.still_total_s += still_s
        return still_s


def _grey(picture: TimedPicture) -> tuple[Grey, float] | None:
    grey = picture.grey() if picture.grey is not None else None
    if grey is None:
        image = picture.image()
        if image is None:
            return None
        grey = np.asarray(cv2.cvtColor(rgb_of(image), cv2.COLOR_RGB2GRAY), np.uint8)
    return small_grey(grey)
