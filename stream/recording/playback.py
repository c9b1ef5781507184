"""In which order, and how far apart, recorded messages go out again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .format import Recorded

_MAX_BREAK_S = 1.0


def playback(files: Iterable[Iterable[Recorded]]) -> Iterator[tuple[float, Recorded]]:
    """Every message with its time in seconds after the first.

    Within a file messages keep their distances; what lies between two files (a night, a restart) is a second at most.

    Args:
        files: the messages of each, in the order of the files.
    """
    at_s = 0.0
    before_ns: int | None = None
    for file in files:
        longest_s = _MAX_BREAK_S
        for message in file:
            if before_ns is not None:
                at_s += min(max(0.0, (message.heard_unix_ns - before_ns) / 1e9), longest_s)
            before_ns, longest_s = message.heard_unix_ns, float("inf")
            yield at_s, message
