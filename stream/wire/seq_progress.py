"""Sequence progress: the last sequence number of a source, and the messages lost before it."""

from __future__ import annotations


class SeqProgress:
    """The last message of a source that was received or counted as lost.

    Attributes:
        at: its epoch, generation and seq; None before the first.
    """

    def __init__(self) -> None:
        self.at: tuple[int, int, int] | None = None

    def advance(self, epoch: int, generation: int, seq: int) -> int:
        """Advance to `seq`; returns by how many, or 0 when it was received before.

        A new epoch is a restart, after which nothing counts as lost; a new generation within an epoch begins at 1.
        """
        before, now = self.at, (epoch, generation, seq)
        if before is None or before[0] != epoch:
            self.at = now
            return 1
        if now <= before:
            return 0
        self.at = now
        return seq - before[2] if generation == before[1] else seq

    def lost_before_status(self, epoch: int, generation: int, seq: int) -> int:
        """How many detections are missing, by a status that names the last one sent."""
        if self.at is None:
            return 0
        restarted = self.at[0] != epoch
        # All detections up to the status's seq were sent before it on the same connection: missing ones are lost.
        steps = self.advance(epoch, generation, seq)
        return 0 if restarted else steps
