"""Rate meter: events per second over the last seconds."""

from __future__ import annotations

import threading
import time
from collections import deque

_MAX_KEPT = 64
_MAX_SPAN_S = 5.0


class RateMeter:
    """Counts events. One thread marks, any reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times_s: deque[float] = deque(maxlen=_MAX_KEPT)

    def mark(self) -> None:
        """Count an event now."""
        with self._lock:
            self._times_s.append(time.monotonic())

    @property
    def rate_hz(self) -> float:
        now_s = time.monotonic()
        with self._lock:
            times_s = [moment_s for moment_s in self._times_s if now_s - moment_s <= _MAX_SPAN_S]
        if len(times_s) < 2:
            return 0.0
        # The time since the last one counts once it is longer than usual, so that the rate falls when nothing comes.
        interval_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1)
        quiet_s = max(0.0, now_s - times_s[-1] - interval_s)
        return (len(times_s) - 1) / max(times_s[-1] - times_s[0] + quiet_s, 1e-9)
