"""Which connection holds which leases, so that they can end with it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Generic, TypeVar

Holder = TypeVar("Holder", bound=Hashable)


class LeaseHolders(Generic[Holder]):
    """Every lease has one holder: the connection that asked for it last. Times are of one clock that is never set."""

    def __init__(self) -> None:
        self._until_s: dict[Holder, dict[str, float]] = {}

    def grant(self, holder: Holder, lease: str, until_s: float) -> None:
        """The lease is held by this one from now on."""
        self._until_s.setdefault(holder, {})[lease] = until_s

    def drop(self, lease: str) -> None:
        """The lease is over."""
        for holder, held in list(self._until_s.items()):
            held.pop(lease, None)
            if not held:
                del self._until_s[holder]

    def held_by(self, holder: Holder) -> tuple[str, ...]:
        return tuple(self._until_s.get(holder, ()))

    def seconds_left(self, now_s: float, in_force: Collection[str]) -> Mapping[Holder, Mapping[str, float]]:
        """What each holder has left. Leases that are over, or that the node has ended, are told once more, with 0."""
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
