"""The two clocks of this computer, handed to whoever reads them so that a test can set one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Two readings of now.

    Args:
        monotonic_ns: for durations and ages; nobody can set it.
        unix_ns: for others; somebody may set it at any time.
    """

    monotonic_ns: Callable[[], int] = time.monotonic_ns
    unix_ns: Callable[[], int] = time.time_ns
