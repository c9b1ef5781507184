"""Bridge figures: what a bridge has received and passed on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class BridgeFigures:
    """What a bridge has passed on.

    Args:
        received: messages of detections, or events.
        statuses: messages about the state of a source.
        sent: what was sent, by kind.
        gaps: messages that were lost between node and bridge.
        refused: messages that were too old, or could not be read.
    """

    received: int = 0
    statuses: int = 0
    sent: dict[str, int] = field(default_factory=dict[str, int])
    gaps: int = 0
    refused: int = 0

    def count(self, kind: str, number: int = 1) -> None:
        self.sent[kind] = self.sent.get(kind, 0) + number
