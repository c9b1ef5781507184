"""Notices when a live source sends faster than it can be decoded, and says which packets to leave out."""

from __future__ import annotations

from .leaky_least import LeakyLeast

_TOO_LATE_S = 1.5
_FOR_S = 1.0
_CAUGHT_UP_S = 0.3


class Backlog:
    """Keeps the delay of a live source bounded when decoding alone is too slow for it.

    A network that pauses and then delivers all at once is decoded in full, which takes a fraction of a second. Only
    when packets stay late are those between key frames left out, until the newest is reached.
    """

    def __init__(self) -> None:
        self._least = LeakyLeast()
        self._late_since_s: float | None = None
        self.skipping = False

    def leaves_out(self, media_s: float, now_s: float, *, is_key: bool) -> bool:
        """Whether to leave out the packet with the time `media_s`, which is at hand at `now_s` (both seconds)."""
        offset_s = now_s - media_s
        late_s = offset_s - self._least.add(now_s, offset_s)
        if late_s < _TOO_LATE_S:
            self._late_since_s = None
        elif self._late_since_s is None:
            self._late_since_s = now_s
        if self._late_since_s is not None and now_s - self._late_since_s > _FOR_S:
            self.skipping = True
        if is_key and late_s < _CAUGHT_UP_S:
            self.skipping = False
        return self.skipping and not is_key
