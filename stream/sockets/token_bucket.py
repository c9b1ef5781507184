"""How often something may happen: so many times at once, and so many times a second in the long run."""

from __future__ import annotations

import time


class TokenBucket:
    """Fills by itself, and is spent one by one.

    Args:
        at_once: how many there are at most, and at first.
        per_s: how many come back in a second.
    """

    def __init__(self, at_once: int, per_s: float) -> None:
        self._most = float(at_once)
        self._per_s = per_s
        self._left = self._most
        self._filled_s = time.monotonic()

    @property
    def is_spent(self) -> bool:
        """Whether it must not happen again now."""
        now_s = time.monotonic()
        self._left = min(self._most, self._left + (now_s - self._filled_s) * self._per_s)
        self._filled_s = now_s
        return self._left < 1

    @property
    def is_whole(self) -> bool:
        """Whether it is as if nothing had happened yet."""
        return not self.is_spent and self._left >= self._most

    def spend(self) -> None:
        """It happens once."""
        self._left -= 1
