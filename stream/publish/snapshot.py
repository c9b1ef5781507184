"""Snapshot for late joiners: the last message and the last status of each source, marked as replays."""

from __future__ import annotations

from collections.abc import Iterator

from ..stats import LAST_STATES
from ..wire.message import as_replay, encode
from ..wire.message_types import DetectionMessage, StatusMessage
from ..wire.topics import detections_topic, status_topic

_Key = tuple[str, str]  # source; det or sys


class Snapshot:
    """Keeps the last of each, and encodes its replay when a late joiner first asks for it."""

    def __init__(self) -> None:
        self._last: dict[_Key, DetectionMessage | StatusMessage] = {}
        self._replays: dict[_Key, tuple[bytes, bytes]] = {}

    def keep(self, message: DetectionMessage | StatusMessage) -> None:
        """Keep this message instead of the one before."""
        key = message.source, "det" if isinstance(message, DetectionMessage) else "sys"
        self._last[key] = message
        self._replays.pop(key, None)

    def forget(self, source: str) -> None:
        """Keep nothing of this source."""
        for kind in ("det", "sys"):
            self._last.pop((source, kind), None)
            self._replays.pop((source, kind), None)

    def replays(self, source: str = "") -> Iterator[tuple[bytes, bytes]]:
        """Topic and body of each replay, of one source or of all ("").

        All detections come before any status, and those of ended sources last: a subscriber stops when every source
        that it knows has ended.
        """
        order = sorted(self._last, key=lambda key: (key[1] == "sys" and self._has_ended(key[0]), key[1], key[0]))
        for key in order:
            if source in ("", key[0]):
                if key not in self._replays:
                    self._replays[key] = _replay(self._last[key])
                yield self._replays[key]

    def __len__(self) -> int:
        return len(self._last)

    def _has_ended(self, source: str) -> bool:
        status = self._last.get((source, "sys"))
        return isinstance(status, StatusMessage) and status.state in LAST_STATES


def _replay(message: DetectionMessage | StatusMessage) -> tuple[bytes, bytes]:
    topic = detections_topic if isinstance(message, DetectionMessage) else status_topic
    return topic(message.node, message.source), encode(as_replay(message))
