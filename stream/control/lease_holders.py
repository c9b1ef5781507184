"""Lease holders: which connection holds which leases, so that they end with it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Generic, TypeVar

Holder = TypeVar("Holder", bound=Hashable)


class LeaseHolders(Generic[Holder]):
    """A lease has one holder: the connection that renewed it last. Times are monotonic."""

    def __init__(self) -> None:
        self._until_s: dict[Holder, dict[str, float]] = {}

    def grant(self, holder: Holder, lease: str, until_s: float) -> None:
        """Make a connection the holder of a lease."""
        self._until_s.setdefault(holder, {})[lease] = until_s

    def drop(self, lease: str) -> None:
        """Forget a lease that has ended."""
        for holder, held in list(self._until_s.items()):
            held.pop(lease, None)
            if not held:
                del self._until_s[holder]

    def held_by(self, holder: Holder) -> tuple[str, ...]:
        """The leases of a connection."""
        return tuple(self._until_s.get(holder, ()))

    def seconds_left(self, now_s: float, in_force: Collection[str]) -> Mapping[Holder, Mapping[str, float]]:
        """The seconds left of each holder's leases. A lease that has ended is reported once more, with 0."""
        left = {
            holder: {lease: max(0.0, until_s - now_s) * (lease in in_force) for lease, until_s in held.items()}
            for holder, held in self._until_s.items()
        }
        for held in left.values():
            for lease, seconds in held.items():
                if seconds == 0.0:
                    self.drop(lease)
        return left

    def __bool__(self) -> bool:
        return bool(self._until_s)
