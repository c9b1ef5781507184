"""glibc's malloc: fewer arenas and regular trimming, so that many threads do not fragment the heap."""

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
    """Within this block threads share two arenas, and free memory is returned to the system every `every_s` seconds.

    On a two-core machine glibc gives each of the first sixteen threads an arena of its own, and others cannot use what
    a thread frees in one. Other C libraries have neither function; there this does nothing.
    """
    library = ctypes.CDLL(None)
    mallopt, trim = getattr(library, "mallopt", None), getattr(library, "malloc_trim", None)
    if mallopt is None or trim is None:
        yield
        return
    mallopt(_ARENA_MAX, _ARENAS)
    stop = threading.Event()

    def trim_regularly() -> None:
        while not stop.wait(every_s):
            trim(0)

    thread = threading.Thread(target=trim_regularly, name="heap", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
