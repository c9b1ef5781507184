"""Pacing: delays packets until their presentation time, for sources that are read faster than real time."""

from __future__ import annotations

import time
from collections.abc import Callable

_TOO_LATE_S = 1.0


class Pacer:
    """Real-time playback of timestamps from the first one on.

    A reader that is more than a second late continues from there, instead of catching up.

    Args:
        pause: waits so many seconds; true if the wait was cut short because the work is over.
        max_gap_s: a time further ahead than this is a jump, which is not waited for.
    """

    def __init__(self, pause: Callable[[float], bool], max_gap_s: float = 60.0) -> None:
        self._pause = pause
        self._max_gap_s = max_gap_s
        self._begin_s: float | None = None

    def wait_for(self, media_s: float) -> bool:
        """Wait until `media_s` is due; false if the work is over."""
        now_s = time.monotonic()
        if self._begin_s is None or not -_TOO_LATE_S < self._begin_s + media_s - now_s < self._max_gap_s:
            self._begin_s = now_s - media_s
        early_s = self._begin_s + media_s - now_s
        return not (early_s > 0.0 and self._pause(early_s))
