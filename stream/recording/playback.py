"""Playback: the order and the times of recorded messages when they are sent again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .format import Recorded

_MAX_PAUSE_S = 1.0


def playback(files: Iterable[Iterable[Recorded]]) -> Iterator[tuple[float, Recorded]]:
    """Every message with its time in seconds after the first.

    Within a file messages keep their distances in time; the pause between two files (a night, a restart) is a second at
    most.

    Args:
        files: the messages of each, in the order of the files.
    """
    at_s = 0.0
    previous_ns: int | None = None
    for file in files:
        max_pause_s = _MAX_PAUSE_S
        for message in file:
            if previous_ns is not None:
                at_s += min(max(0.0, (message.received_unix_ns - previous_ns) / 1e9), max_pause_s)
            previous_ns, max_pause_s = message.received_unix_ns, float("inf")
            yield at_s, message
