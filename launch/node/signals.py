"""Stop signals: Ctrl-C, SIGTERM and a closed terminal end a command in good order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals(*, hangup: bool = False) -> Generator[threading.Event]:
    """An event that SIGINT (Ctrl-C) or SIGTERM sets. A second signal of the kind has its usual effect again.

    Args:
        hangup: SIGHUP, of a terminal that closes, sets it too, unless the process ignores SIGHUP (nohup).
    """
    stop = threading.Event()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hangup and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interrupted_by_sigterm() -> Generator[None]:
    """Make SIGTERM raise KeyboardInterrupt as Ctrl-C does, so that processes and files are cleaned up."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
