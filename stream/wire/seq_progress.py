"""How far one source has come, as the counts in its messages tell it."""

from __future__ import annotations


class SeqProgress:
    """The last message of a source that is accounted for, and what was lost before it.

    Attributes:
        at: its epoch, generation and seq; None before the first.
    """

    def __init__(self) -> None:
        self.at: tuple[int, int, int] | None = None

    def advance(self, epoch: int, generation: int, seq: int) -> int:
        """Move on to `seq`; returns how far that is, or 0 when it is not news.

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
        """How many detections are missing, told by a status that names the last one sent."""
        if self.at is None:
            return 0
        restarted = self.at[0] != epoch
        # All detections up to the status's seq were sent before it on the same line: what is missing is lost.
        steps = self.advance(epoch, generation, seq)
        return 0 if restarted else steps
