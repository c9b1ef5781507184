"""Detection ticket: the result of a submitted detection, which may still be pending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ..query import Query

Found = TypeVar("Found")


class CancelledError(RuntimeError):
    """The ticket was cancelled, or its detector was closed, before its work started."""


class DetectionTicket(Generic[Found]):
    """The pending or finished result of one `submit`: one `Found` per picture."""

    def __init__(self, queries: Sequence[Query], on_done: Callable[[], None] | None = None) -> None:
        self.queries = queries
        self._on_done = on_done
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._begun = False
        self._result: list[Found] = []
        self._error: BaseException | None = None

    def done(self) -> bool:
        """True if `wait` would return or raise at once."""
        return self._finished.is_set()

    def wait(self, timeout_s: float | None = None) -> list[Found]:
        """The result of each picture, in order.

        Raises:
            TimeoutError: not done within `timeout_s`.
            CancelledError: it was cancelled.
            Exception: the network's error.
        """
        if not self._finished.wait(timeout_s):
            raise TimeoutError(f"no detections within {timeout_s} s")
        if self._error is not None:
            raise self._error
        return self._result

    def cancel(self) -> bool:
        """Cancel the work; true if it had not started."""
        with self._lock:
            if self._begun or self._finished.is_set():
                return False
            self._begun = True
        self.finish(error=CancelledError("the detection was cancelled"))
        return True

    def begin(self) -> bool:
        """For the worker: start the work; true unless it was cancelled."""
        with self._lock:
            begins = not self._begun
            self._begun = True
            return begins

    def finish(self, result: list[Found] | None = None, error: BaseException | None = None) -> None:
        """For the worker: set the result, or the error."""
        self._result, self._error = result or [], error
        on_done, self._on_done = (
            self._on_done,
            None,
        )  # the callback often refers to the ticket: dropping it breaks the cycle
        self._finished.set()
        if on_done is not None:
            on_done()
