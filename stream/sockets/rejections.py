"""Counts those who were turned away at a socket, and logs each of them once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal, get_args

Reason = Literal["unknown_key", "wrong_node_key", "no_handshake", "too_many", "flood"]

_LOG = logging.getLogger(__name__)
_MAX_LOGGED = 200
_WORDS: dict[Reason, str] = {
    "unknown_key": "its key is not allowed here",
    "wrong_node_key": "it takes this node for another one, whose key it has",
    "no_handshake": "it has no keys, or speaks something else",
    "too_many": "it holds too many connections without having shown a key",
    "flood": "it asked for more than any reader needs, and all were dropped, of whom honest ones come back",
}


class Rejections:
    """Who was turned away at one socket, by reason: one thread counts, any may look."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose
        self._counts: dict[Reason, int] = dict.fromkeys(get_args(Reason), 0)
        self._logged: set[tuple[str, Reason]] = set()

    @property
    def counts(self) -> Mapping[Reason, int]:
        """How often somebody was turned away for each reason."""
        return dict(self._counts)

    def turn_away(self, reason: Reason, who: str) -> None:
        """Count one.

        Args:
            reason: why.
            who: an address, or the name of a key.
        """
        self._counts[reason] += 1
        known = (who, reason) in self._logged
        if known or len(self._logged) > _MAX_LOGGED:
            return
        self._logged.add((who, reason))
        rest = "; from now on they are only counted" if len(self._logged) > _MAX_LOGGED else ""
        _LOG.warning("%s may not %s: %s (said once%s)", who or "somebody", self._purpose, _WORDS[reason], rest)
