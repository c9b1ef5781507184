"""Clock: this computer's monotonic and wall clock, passed in so that a test can set them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Two functions that read the time.

    Args:
        monotonic_ns: for durations and ages; it cannot be set.
        unix_ns: for other computers; it may be set at any time.
    """

    monotonic_ns: Callable[[], int] = time.monotonic_ns
    unix_ns: Callable[[], int] = time.time_ns
