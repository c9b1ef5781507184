"""Reader counters: what is counted about a source while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SourceState = Literal["connecting", "running", "stalled", "reconnecting", "ended", "failed"]
LAST_STATES: frozenset[SourceState] = frozenset({"ended", "failed"})  # nothing follows


@dataclass(frozen=True, slots=True)
class ReaderStats:
    """A snapshot of a reader's counters.

    Args:
        state: what the source is doing.
        error: the last reason it was not running, without credentials; None while all is well.
        frames_decoded: pictures that came out of the decoder, over all connections.
        frames_dropped: pictures that a newer one replaced before they were taken, and those that were skipped.
        corrupt: packets or pictures that could not be decoded.
        reconnects: connections after the first.
        fps_in: pictures decoded per second, over the last seconds.
        warning: a fault that is no error, such as a clock that cannot be right.
        still: pictures that were skipped because nothing moved.
        off_schedule: pictures that were skipped at other times than those scheduled.
    """

    state: SourceState
    error: str | None
    frames_decoded: int
    frames_dropped: int
    corrupt: int
    reconnects: int
    fps_in: float
    warning: str | None
    still: int = 0
    off_schedule: int = 0
