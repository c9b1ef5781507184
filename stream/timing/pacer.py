"""Holds packets back until they are due, where a source hands them out faster than they were taken."""

from __future__ import annotations

import time
from collections.abc import Callable

_TOO_LATE_S = 1.0


class Pacer:
    """Plays times at their own speed from the first one on.

    Whoever falls more than a second behind goes on from where it is, instead of rushing after.

    Args:
        pause: waits so many seconds; true if the wait was cut short because the work is over.
        longest_gap_s: times further ahead than this are a leap, which is not waited for.
    """

    def __init__(self, pause: Callable[[float], bool], longest_gap_s: float = 60.0) -> None:
        self._pause = pause
        self._longest_gap_s = longest_gap_s
        self._begin_s: float | None = None

    def wait_for(self, media_s: float) -> bool:
        """Wait until `media_s` is due; false if the work is over."""
        now_s = time.monotonic()
        if self._begin_s is None or not -_TOO_LATE_S < self._begin_s + media_s - now_s < self._longest_gap_s:
            self._begin_s = now_s - media_s
        early_s = self._begin_s + media_s - now_s
        return not (early_s > 0.0 and self._pause(early_s))
