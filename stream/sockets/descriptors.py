"""File descriptors of this process: the limit, how many are free, and the error where none is."""

from __future__ import annotations

import errno
import os
import resource

from ..source_url import SourceError

RAISED_TO = 16_384
_NONE_FREE = frozenset({errno.EMFILE, errno.ENFILE})


class NoDescriptorError(SourceError):
    """A source could not be opened because no file descriptor was free, which is no fault of the source, and passes."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} waits for a free file descriptor: too many connections or files are open in this process, "
            "raise its limit (ulimit -n, LimitNOFILE in a unit)"
        )


def raise_limit() -> None:
    """Raise the limit as far as allowed, up to `RAISED_TO`: connections soon use up the usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = RAISED_TO if hard == resource.RLIM_INFINITY else min(hard, RAISED_TO)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def means_none_free(number: int | None) -> bool:
    """Whether an `errno` says that no descriptor was free."""
    return number in _NONE_FREE


def are_free(count: int) -> bool:
    """Whether so many descriptors are free at this moment; other threads may take them in the next."""
    taken: list[int] = []
    try:
        taken.append(os.eventfd(0))
        while len(taken) < count:
            taken.append(os.dup(taken[0]))
    except OSError as error:
        if not means_none_free(error.errno):
            raise
        return False
    else:
        return True
    finally:
        for descriptor in taken:
            os.close(descriptor)
