"""Joining threads within a time limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence


def join_all(threads: Sequence[threading.Thread], wait_s: float | None) -> None:
    """Wait until the threads have ended, at most `wait_s` seconds in all; None is without a limit."""
    deadline_s = None if wait_s is None else time.monotonic() + wait_s
    for thread in threads:
        thread.join(None if deadline_s is None else max(0.0, deadline_s - time.monotonic()))
