"""A process without a free file descriptor, as a flood of connections leaves it."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager

from groundcast.stream.sockets.descriptors import are_free

SPARE = 256  # more than are open when the limit is lowered, so that only few have to be taken


@contextmanager
def no_descriptors_left() -> Generator[Callable[[], None]]:
    """Take every descriptor that this process may have, until the function that is given, or the end, gives back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    first = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first + SPARE, before[1]))
    taken = [first]

    def give_back() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        while taken:
            os.close(taken.pop())

    while are_free(1):
        taken.append(os.dup(first))
    try:
        yield give_back
    finally:
        give_back()
