"""A detection that was asked for and may still be on its way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..query import Query

Found = TypeVar("Found")


class CancelledError(RuntimeError):
    """The ticket was cancelled, or its detector was closed, before the work began."""


class DetectionTicket(Generic[Found]):
    """The result of one `submit`, now or later: one `Found` a picture."""

    def __init__(self, queries: Sequence[Query], on_done: Callable[[], None] | None = None) -> None:
        self.queries = queries
        self._on_done = on_done
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._begun = False
        self._result: list[Found] = []
        self._error: BaseException | None = None

    def done(self) -> bool:
        """True once `wait` returns, or raises, at once."""
        return self._finished.is_set()

    def wait(self, timeout_s: float | None = None) -> list[Found]:
        """What was found in each picture, in order.

        Raises:
            TimeoutError: not done within `timeout_s`.
            CancelledError: it never will be.
            Exception: whatever the network raised.
        """
        if not self._finished.wait(timeout_s):
            raise TimeoutError(f"no detections within {timeout_s} s")
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> bool:
        """True if the work had not begun and now never will."""
        with self._lock:
            if self._begun or self._finished.is_set():
                return False
            self._begun = True
        self.finish(error=CancelledError("the detection was cancelled"))
        return True

    def begin(self) -> bool:
        """For the worker: True unless it was cancelled."""
        with self._lock:
            begins = not self._begun
            self._begun = True
            return begins

    def finish(self, result: list[Found] | None = None, error: BaseException | None = None) -> None:
        """For the worker: hand over the result or the reason there is none."""
        self._result, self._error = result or [], error
        on_done, self._on_done = self._on_done, None  # who asked often holds the ticket: without it, no circle is left
        self._finished.set()
        if on_done is not None:
            on_done()
