"""Decoding backlog: which packets to skip when a live source sends faster than it can be decoded."""

from __future__ import annotations

from .drifting_min import DriftingMin

_TOO_LATE_S = 1.5
_FOR_S = 1.0
_MAJORITY = 0.5
_CAUGHT_UP_S = 0.3
_LEAP_BACK_S, _LEAP_AHEAD_S = 0.5, 2.0


class Backlog:
    """Keeps the delay of a live source bounded when decoding alone is too slow for it.

    A burst after a pause of the network is decoded in full, which takes a fraction of a second. Only when packets stay
    late are those between key frames skipped, until the newest is reached. After a jump in the timestamps the delay is
    measured anew.
    """

    def __init__(self) -> None:
        self.skipping = False
        self._last_s: tuple[float, float] | None = None
        self._begin()

    def _begin(self) -> None:
        self._min_offset = DriftingMin()
        self._late_since_s: float | None = None
        self._waited_s = 0.0  # since then

    def skips(self, media_s: float, now_s: float, *, is_key: bool, waited_s: float = 0.0) -> bool:
        """Whether to skip the packet with the time `media_s`, which is at hand at `now_s` (both seconds).

        `waited_s` is how long the decoder waited for it: a decoder that mostly waits is not too slow, however late
        packets come.
        """
        if self._leapt(media_s, now_s):
            self._begin()
        offset_s = now_s - media_s
        late_s = offset_s - self._min_offset.add(now_s, offset_s)
        if late_s < _TOO_LATE_S:
            self._late_since_s = None
        elif self._late_since_s is None:
            self._late_since_s, self._waited_s = now_s, 0.0
        self._waited_s += waited_s
        if self._late_since_s is not None and (late_for_s := now_s - self._late_since_s) > _FOR_S:
            self.skipping = self.skipping or self._waited_s < _MAJORITY * late_for_s
        if is_key and late_s < _CAUGHT_UP_S:
            self.skipping = False
        return self.skipping and not is_key

    def _leapt(self, media_s: float, now_s: float) -> bool:
        last_s, self._last_s = self._last_s, (media_s, now_s)
        if last_s is None:
            return False
        step_s, passed_s = media_s - last_s[0], now_s - last_s[1]
        return step_s < -_LEAP_BACK_S or step_s > passed_s + _LEAP_AHEAD_S
