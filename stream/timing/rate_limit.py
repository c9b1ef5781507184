"""Rate limit: keeps at most a target number of a source's pictures per second, evenly spaced."""

from __future__ import annotations

# Timestamps are rounded on their way, so a picture may be due slightly early.
_EARLY, _EARLY_S = 0.1, 0.01  # of an interval, and at most


class RateLimit:
    """Uses the pictures' own timestamps, so that a burst from the network is spaced like the scene."""

    def __init__(self) -> None:
        self._due_s: float | None = None

    def takes(self, time_s: float, target_hz: float | None) -> bool:
        """Whether the picture of this time is due.

        Args:
            time_s: the picture's time on the source's own clock.
            target_hz: how many a second at most, over more than a moment; None takes all. May change at any time.
        """
        if target_hz is None:
            self._due_s = None
            return True
        interval_s = 1.0 / target_hz
        if self._due_s is None or not -1.5 * interval_s < time_s - self._due_s < interval_s:
            self._due_s = time_s  # the first, the first after a pause, or the first of a higher rate
        if time_s < self._due_s - min(_EARLY * interval_s, _EARLY_S):
            return False
        self._due_s += interval_s
        return True
