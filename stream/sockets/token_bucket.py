"""Token bucket: a rate limit that allows a burst, and a number a second in the long run."""

from __future__ import annotations

import time


class TokenBucket:
    """Tokens that are spent one by one and return with time.

    Args:
        burst: how many tokens there are at most, and at first.
        per_s: how many return in a second.
    """

    def __init__(self, burst: int, per_s: float) -> None:
        self._max = float(burst)
        self._per_s = per_s
        self._left = self._max
        self._filled_s = time.monotonic()

    @property
    def is_spent(self) -> bool:
        """Whether no token is left."""
        now_s = time.monotonic()
        self._left = min(self._max, self._left + (now_s - self._filled_s) * self._per_s)
        self._filled_s = now_s
        return self._left < 1

    @property
    def is_full(self) -> bool:
        """Whether every token is there."""
        return not self.is_spent and self._left >= self._max

    def spend(self) -> None:
        """Take one token."""
        self._left -= 1
