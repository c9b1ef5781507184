"""Subscriptions: the topic prefixes that clients are subscribed to now."""

from __future__ import annotations

import threading
from collections.abc import Callable

_MAX_BYTES = 2**18  # of all prefixes together: thousands of subscribers with some sources each


class Subscriptions:
    """The prefixes that at least one client is subscribed to.

    One thread receives the requests, any thread may query. ZeroMQ reports every subscription, and the end of a prefix
    when its last subscriber leaves or is lost, so a set is enough.
    """

    def __init__(self) -> None:
        self._prefixes: set[bytes] = set()
        self._size_bytes = 0
        self._changed = threading.Condition()

    def receive(self, request: bytes) -> bytes | None:
        """Take one request as an XPUB socket gives it; returns the prefix if it is a subscription."""
        is_subscription, prefix = request[:1] == b"\x01", request[1:]
        with self._changed:
            if is_subscription and prefix not in self._prefixes:
                self._prefixes.add(prefix)
                self._size_bytes += len(prefix)
                self._changed.notify_all()
            elif self.is_known_end(request):
                self._prefixes.remove(prefix)
                self._size_bytes -= len(prefix)
        return prefix if is_subscription else None

    def is_known_end(self, request: bytes) -> bool:
        """Whether this request ends a prefix that is subscribed to."""
        return request[:1] == b"\x00" and request[1:] in self._prefixes

    @property
    def are_too_many(self) -> bool:
        """Whether they take more memory than subscribers could need."""
        return self._size_bytes > _MAX_BYTES

    def match(self, topic: bytes) -> bool:
        """Whether a client would receive this topic."""
        with self._changed:
            return any(topic[:end] in self._prefixes for end in range(len(topic) + 1))

    def wait_below(self, stem: bytes, timeout_s: float, stop: Callable[[], bool]) -> bool:
        """Wait until a client would receive a topic that begins with `stem`; False if time ran out or `stop()`."""
        with self._changed:
            while not any(prefix.startswith(stem) or stem.startswith(prefix) for prefix in self._prefixes):
                if timeout_s <= 0 or stop():
                    return False
                slice_s = min(timeout_s, 0.05)  # `stop` is called this often
                self._changed.wait(slice_s)
                timeout_s -= slice_s
        return True
