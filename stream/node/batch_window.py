"""Dynamic batching: how long a frame is held so that frames of other sources can join its batch."""

from __future__ import annotations


class BatchWindow:
    """Decides when the waiting frames go to the detector.

    Args:
        max_wait_s: the longest time that a frame is held while the detector could take it.
    """

    def __init__(self, max_wait_s: float) -> None:
        self.max_wait_s = max_wait_s
        self._waiting_since_s: float | None = None

    def wait_s(self, waiting: int, max_batch: int, expected: int, now_s: float) -> float | None:
        """How much longer to hold the waiting frames; 0 sends them now, None says that no frame waits.

        Args:
            waiting: frames at hand, one a source.
            max_batch: the largest batch that is of use.
            expected: other sources that are likely to have a frame within `max_wait_s`.
            now_s: monotonic.
        """
        if waiting == 0:
            self._waiting_since_s = None
            return None
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s
        if waiting >= max_batch or expected == 0:
            return 0.0
        return max(0.0, self._waiting_since_s + self.max_wait_s - now_s)

    def restart(self) -> None:
        """A batch was sent: the frames that are left begin to wait anew."""
        self._waiting_since_s = None
