"""The least of a stream of values, which forgets slowly."""

from __future__ import annotations

_DRIFT = 0.005  # cheap cameras count 25 pictures a second and take 24.9


class DriftingMin:
    """The least value so far, which rises slowly so that it can follow clocks that drift apart.

    Slowly enough that pictures which all come late for minutes still count as late.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._when_s = 0.0

    def add(self, when_s: float, value: float) -> float:
        """Add a value seen at `when_s`; the least so far."""
        risen = value if self._least is None else self._least + _DRIFT * max(0.0, when_s - self._when_s)
        self._least = min(value, risen)
        self._when_s = when_s
        return self._least
