"""Picks as many pictures of a source a second as somebody wants to see, evenly."""

from __future__ import annotations

# Times are rounded on their way, and a picture that is due must not miss its turn by a hair.
_EARLY, _EARLY_S = 0.1, 0.01  # of an interval, and at most


class RateLimit:
    """Goes by the pictures' own times, so that a burst from the network counts as the time that it shows."""

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
