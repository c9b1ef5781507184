"""Bounded worker: a thread for what is sent beside messages, with a short queue, so that the loop does not wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_LOG = logging.getLogger(__name__)


class BoundedWorker:
    """Does one job after the other. A job is dropped if too many wait, or if it fails.

    Args:
        name: of the thread, and in the log: what a job sends, such as "pictures".
        max_waiting: how many jobs may wait or run.
    """

    def __init__(self, name: str, max_waiting: int) -> None:
        self._name = name
        self._too_many = 0  # counted by the loop
        self._failed = 0  # counted by the worker
        self._slots = threading.BoundedSemaphore(max_waiting)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=name)  # begins with the first job

    def submit(self, source: str, job: Callable[[], None]) -> None:
        """Queue a job for a source; returns at once."""
        if self._slots.acquire(blocking=False):
            self._worker.submit(self._do, source, job)
        else:
            self._too_many += 1

    @property
    def dropped(self) -> int:
        """How many jobs were not done."""
        return self._too_many + self._failed

    def close(self) -> None:
        """Do the jobs that wait, and end the thread."""
        self._worker.shutdown()

    def _do(self, source: str, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:  # noqa: BLE001  the loop goes on without it; it sees a publisher that failed itself
            if self._failed == 0:
                _LOG.exception("%s of source %s were not sent; others are only counted", self._name, source)
            self._failed += 1
        finally:
            self._slots.release()
