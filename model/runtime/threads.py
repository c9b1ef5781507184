"""Waiting for threads to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence


def join_all(threads: Sequence[threading.Thread], wait_s: float | None) -> None:
    """Wait until the threads have ended, at most so long in all; None is as long as it takes."""
    until_s = None if wait_s is None else time.monotonic() + wait_s
    for thread in threads:
        thread.join(None if until_s is None else max(0.0, until_s - time.monotonic()))
