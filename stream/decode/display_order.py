"""Display order: the times of decoded pictures, where a file states only the order in which they are decoded."""

from __future__ import annotations

from heapq import heappop, heappush


class DisplayOrder:
    """Gives each picture of a recording its presentation time.

    With B-frames, pictures are decoded in another order than they are shown in. AVI, and MP4 without `ctts`, state one
    rising time a packet in the order of decoding; the decoder then hands out pictures whose times run back. But the
    pictures themselves come in the order of display, so the next one to be shown has the least time still open.
    A file whose packets have times that step back states true presentation times, which are left alone.

    Args:
        by_decoding: the container never states anything but the times of decoding.
        depth: how many pictures the decoder keeps at most to put them in order, as far as it is known.
    """

    def __init__(self, *, by_decoding: bool, depth: int) -> None:
        self._by_decoding = self._uses_dts = by_decoding
        self._depth = depth
        self._open: list[int] = []  # a heap: times of packets whose pictures have not been shown
        self._last: int | None = None
        self._rises = True
        self._most_open = 0  # more than these, and the picture of the first was lost
        self._has_key = False

    def add(self, pts: int | None, dts: int | None, *, is_key: bool) -> None:
        """A packet goes into the decoder."""
        when = dts if self._uses_dts else pts
        if not self._rises:
            return
        if when is None or (self._last is not None and when <= self._last):
            self._rises = False
            self._open.clear()
            return
        if is_key and not self._has_key:  # no picture comes of what lies before it
            self._has_key = True
            self._open.clear()
        self._last = when
        heappush(self._open, when)

    def time_of(self, pts: int | None, *, is_b: bool) -> int | None:
        """The time of the next picture that the decoder hands out.

        Args:
            pts: as its own packet says.
            is_b: it is a B-frame. One that overtakes a packet still in the decoder proves that times are of decoding.
        """
        if not self._open or (pts is None and not self._by_decoding):
            return pts
        if not self._by_decoding and pts is not None:
            self._by_decoding = is_b and self._depth > 0 and self._open[0] < pts
            while not self._by_decoding and self._open and self._open[0] <= pts:
                heappop(self._open)
            if not self._by_decoding:
                return pts
        self._most_open = self._most_open or max(self._depth + 1, len(self._open))
        while len(self._open) > self._most_open:
            heappop(self._open)
        return heappop(self._open)
