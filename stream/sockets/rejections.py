"""Rejected connections of a socket, counted by reason; each client is logged once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal, get_args

Reason = Literal["unknown_key", "wrong_node_key", "no_handshake", "too_many", "flood"]

_LOG = logging.getLogger(__name__)
_MAX_LOGGED = 200
_WORDS: dict[Reason, str] = {
    "unknown_key": "its key is not allowed here",
    "wrong_node_key": "it has the key of another node, not of this one",
    "no_handshake": "it has no keys, or speaks something else",
    "too_many": "it holds too many connections without having shown a key",
    "flood": "it asked for more than any reader needs; all connections were dropped, and honest clients connect again",
}


class Rejections:
    """The rejected connections of one socket: one thread counts, any thread may read."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose
        self._counts: dict[Reason, int] = dict.fromkeys(get_args(Reason), 0)
        self._logged: set[tuple[str, Reason]] = set()

    @property
    def counts(self) -> Mapping[Reason, int]:
        """How many connections were rejected for each reason."""
        return dict(self._counts)

    def add(self, reason: Reason, client: str) -> None:
        """Count one.

        Args:
            reason: why.
            client: an address, or the name of a key; "" where neither is known.
        """
        self._counts[reason] += 1
        known = (client, reason) in self._logged
        if known or len(self._logged) > _MAX_LOGGED:
            return
        self._logged.add((client, reason))
        rest = "; from now on they are only counted" if len(self._logged) > _MAX_LOGGED else ""
        _LOG.warning("%s may not %s: %s (said once%s)", client or "a client", self._purpose, _WORDS[reason], rest)
