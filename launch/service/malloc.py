"""Keeps the C library's heap from growing for hours: many threads that come and go tear it to pieces."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Generator
from contextlib import contextmanager

_ARENA_MAX = -8  # glibc's M_ARENA_MAX, see mallopt(3)
_ARENAS = 2
_TRIM_EVERY_S = 60.0


@contextmanager
def tidy_heap(every_s: float = _TRIM_EVERY_S) -> Generator[None]:
    """While a node runs, let threads share two arenas and give back what lies free, every so many seconds.

    glibc gives each of the first sixteen threads of a two-core machine an arena of its own, and what a reader or a
    lane frees in one is of no use to the others. Other C libraries know neither function, and are left alone.
    """
    library = ctypes.CDLL(None)
    mallopt, trim = getattr(library, "mallopt", None), getattr(library, "malloc_trim", None)
    if mallopt is None or trim is None:
        yield
        return
    mallopt(_ARENA_MAX, _ARENAS)
    stop = threading.Event()

    def give_back() -> None:
        while not stop.wait(every_s):
            trim(0)

    thread = threading.Thread(target=give_back, name="heap", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
