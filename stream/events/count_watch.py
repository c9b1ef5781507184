"""Count watch: when the number of objects in one zone has changed for good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class CountWatch:
    """The counts of one zone by phrase. A count changes once it has kept its new value for `settle_s`."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._settled: dict[str, int] = {}
        self._other: dict[str, tuple[int, float]] = {}  # another value, and since when

    def update(self, now: Mapping[str, int], time_s: float) -> Iterator[tuple[str, int, int]]:
        """Take the counts of a frame; gives each phrase whose count has changed, the new count and the one before."""
        for phrase in sorted({*now, *self._settled, *self._other}):
            count, before = now.get(phrase, 0), self._settled.get(phrase, 0)
            if count == before:
                self._other.pop(phrase, None)
                continue
            value, since_s = self._other.get(phrase, (count, time_s))
            if value != count:
                since_s = time_s
            self._other[phrase] = count, since_s
            if time_s - since_s >= self._settle_s - 1e-6:
                del self._other[phrase]
                self._settled[phrase] = count
                yield phrase, count, before
