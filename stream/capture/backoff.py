"""Exponential backoff with jitter: how long to wait before a lost source is opened again."""

from __future__ import annotations

import random

from ..source_url import RefusedError, SourceError


class Backoff:
    """Waits that double from `first_s` to `max_s`, with random jitter so that many cameras do not reconnect in step.

    Args:
        first_s: the wait after the first failure.
        max_s: the longest wait.
        refused_s: the wait after a refused password; cameras lock accounts that try too often.
    """

    def __init__(self, first_s: float = 0.1, max_s: float = 1.0, refused_s: float = 60.0) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._refused_s = refused_s
        self._next_s = first_s

    def wait_s(self, after: SourceError) -> float:
        """Seconds to wait now."""
        if isinstance(after, RefusedError):
            return self._refused_s
        wait_s = self._next_s
        self._next_s = min(2 * self._next_s, self._max_s)
        return wait_s * random.uniform(0.7, 1.0)

    def reset(self) -> None:
        """Start again from the first wait: the source works."""
        self._next_s = self._first_s
