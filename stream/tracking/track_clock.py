"""Track clock: the time steps between frames, for the tracker's motion model."""

from __future__ import annotations

import math
import statistics
from collections import deque

_STEPS_REMEMBERED = 15


class TrackClock:
    """A clock driven by frames: it never runs backwards, whatever their timestamps do.

    now_s starts at 0 with the first frame. `usual_step_s` is the median of the last steps, or None
    before the second frame.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self.step_s = 0.0
        self._last_time_s: float | None = None
        self._steps: deque[float] = deque(maxlen=_STEPS_REMEMBERED)

    @property
    def usual_step_s(self) -> float | None:
        return statistics.median(self._steps) if self._steps else None

    def advance(self, time_s: float) -> None:
        """Move on to a frame. Equal times are a step of 0; a time that runs back or is no number
        counts as one usual step."""
        if self._last_time_s is None or not math.isfinite(time_s) or time_s < self._last_time_s:
            self.step_s = self.usual_step_s or 0.0
        else:
            self.step_s = time_s - self._last_time_s
            if self.step_s > 0.0:
                self._steps.append(self.step_s)
        if math.isfinite(time_s):
            self._last_time_s = time_s
        self.now_s += self.step_s
