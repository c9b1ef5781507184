"""Drifting minimum: the minimum of a stream of values, which rises slowly with time."""

from __future__ import annotations

_DRIFT = 0.005  # seconds per second: cheap cameras claim 25 pictures a second and take 24.9


class DriftingMin:
    """The minimum so far. It rises slowly, so that it follows two clocks that drift apart.

    The rise is slow enough that pictures which are all late for minutes still count as late.
    """

    def __init__(self) -> None:
        self._min: float | None = None
        self._when_s = 0.0

    def add(self, when_s: float, value: float) -> float:
        """Add the value measured at `when_s`; the minimum so far."""
        risen = value if self._min is None else self._min + _DRIFT * max(0.0, when_s - self._when_s)
        self._min = min(value, risen)
        self._when_s = when_s
        return self._min
