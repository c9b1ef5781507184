"""Media time: each frame's time on the source's own clock, monotonic and without jumps."""

from __future__ import annotations

import math

_MAX_LEAD_S = 2.0
MAX_GAP_S = 10.0  # between pictures whose times may leap: FFmpeg's own -dts_delta_threshold
_MAX_GAP_INTERVALS = 5
_MIN_STEP_S = 0.001


class MediaTime:
    """Adds up the steps from frame to frame, from 0 at the first.

    Presentation times (PTS) are used as long as they are plausible. Where they restart or jump, the time that passed
    on this computer is added instead. Wall clocks are not used.

    Args:
        live: the pictures arrive as they are taken, so that arrival distinguishes a jump from a pause.
        may_leap: a recording whose parts may each count time from elsewhere, as in HLS and MPEG-TS: there a long gap is
            a jump. In other files it is a pause, however long.
    """

    def __init__(self, *, live: bool, may_leap: bool = False) -> None:
        self._live, self._may_leap = live, may_leap
        self._time_s: float | None = None
        self._pts_s: float | None = None
        self._received_ns = 0

    def restart(self) -> None:
        """The next frame begins anew (a new connection, the file again): its pts means nothing beside the last."""
        self._pts_s = None

    def advance(self, pts_s: float | None, received_ns: int, rate_hz: float) -> float:
        """The time of the next frame, in seconds.

        Args:
            pts_s: its presentation time, None where the stream states none.
            received_ns: monotonic.
            rate_hz: the stream's rate, for frames without times.
        """
        if self._time_s is None:
            self._time_s = 0.0
        else:
            passed_s = (received_ns - self._received_ns) / 1e9
            self._time_s += self._step_s(pts_s, passed_s, 1.0 / rate_hz)
        self._pts_s = pts_s
        self._received_ns = received_ns
        return self._time_s

    def _step_s(self, pts_s: float | None, passed_s: float, interval_s: float) -> float:
        if pts_s is not None and self._pts_s is not None:
            step_s = pts_s - self._pts_s
            if 0.0 < step_s <= self._longest_step_s(passed_s, interval_s):
                return step_s
        if not self._live:
            return interval_s
        # Right after opening, pictures that FFmpeg kept come all at once: there the rate says more than arrival.
        is_first_step = (pts_s is None) != (self._pts_s is None)
        return max(passed_s, interval_s if is_first_step else _MIN_STEP_S)

    def _longest_step_s(self, passed_s: float, interval_s: float) -> float:
        if self._live:
            return passed_s + _MAX_LEAD_S
        return max(MAX_GAP_S, _MAX_GAP_INTERVALS * interval_s) if self._may_leap else math.inf
