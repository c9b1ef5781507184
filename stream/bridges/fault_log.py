"""Fault log: warns of a fault when it changes, and from time to time while it lasts."""

from __future__ import annotations

import logging
import time


class FaultLog:
    """The warnings of one sender. A fault is known by its text up to the first `: `; what follows may change.

    Args:
        log: where warnings go.
        every_s: how often a fault that lasts is logged.
    """

    def __init__(self, log: logging.Logger, every_s: float = 60.0) -> None:
        self._log = log
        self._every_s = every_s
        self._fault = ""
        self._said_s = 0.0

    def warn(self, text: str) -> None:
        """Log a fault, unless it was the last one and logged a short time ago."""
        fault = text.partition(": ")[0]
        now_s = time.monotonic()
        if fault != self._fault or now_s >= self._said_s + self._every_s:
            self._fault, self._said_s = fault, now_s
            self._log.warning("%s", text)

    def clear(self) -> None:
        """All is well: the same fault is logged at once when it comes again."""
        self._fault = ""
