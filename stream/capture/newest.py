"""Newest-wins queue of one item between a reader and the node's loop, which counts dropped items."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_LOOK_AT_STOP_EVERY_S = 0.1


class MailboxCounts(NamedTuple):
    """A snapshot of the counters: `put == taken + dropped + waiting`, always."""

    put: int
    taken: int
    dropped: int
    waiting: int


class Newest(Generic[T]):
    """Holds the newest item only. One thread puts, any thread takes.

    Args:
        wake: called after each item that was put, outside the lock.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._changed = threading.Condition()
        self._items: list[tuple[T, int]] = []  # at most one, with the number dropped before it
        self._closed = False
        self._put = 0
        self._taken = 0
        self._dropped = 0
        self._dropped_at_last_take = 0

    def put(self, item: T) -> bool:
        """Replace the waiting item, which counts as dropped. False once closed."""
        with self._changed:
            if self._closed:
                return False
            self._drop_waiting()
            self._append(item)
        self._wake()
        return True

    def count_skipped(self) -> bool:
        """Count a skipped item as put and dropped, without making it. False once closed."""
        with self._changed:
            if self._closed:
                return False
            self._put += 1
            self._dropped += 1
        return True

    def put_and_wait(self, item: T, stop: Callable[[], bool]) -> bool:
        """Put `item` as soon as the queue is empty, so that nothing is dropped.

        Returns:
            False if `stop` returned true, or the queue was closed, before it was empty.
        """
        with self._changed:
            while self._items and not self._closed and not stop():
                self._changed.wait(_LOOK_AT_STOP_EVERY_S)
            if self._closed or stop():
                return False
            self._append(item)
        self._wake()
        return True

    def take(self) -> tuple[T, int] | None:
        """The item and how many were dropped between the last one taken and it; None when there is nothing.

        Never waits.
        """
        with self._changed:
            if not self._items:
                return None
            item, dropped_before = self._items.pop()
            dropped = dropped_before - self._dropped_at_last_take
            self._dropped_at_last_take = dropped_before
            self._taken += 1
            self._changed.notify_all()
        return item, dropped

    def close(self) -> None:
        """Accept no more items; a waiting one counts as dropped."""
        with self._changed:
            self._closed = True
            self._drop_waiting()
            self._changed.notify_all()

    @property
    def counts(self) -> MailboxCounts:
        with self._changed:
            return MailboxCounts(self._put, self._taken, self._dropped, len(self._items))

    @property
    def dropped(self) -> int:
        return self.counts.dropped

    def _append(self, item: T) -> None:
        self._items.append((item, self._dropped))
        self._put += 1

    def _drop_waiting(self) -> None:
        self._dropped += len(self._items)
        self._items.clear()
