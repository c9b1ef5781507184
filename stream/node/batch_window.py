"""How long a frame waits for frames of other sources that are then looked at together."""

from __future__ import annotations


class BatchWindow:
    """Decides when those that wait go to the detector.

    Args:
        longest_s: how long a frame is kept at most for others while the detector has room.
    """

    def __init__(self, longest_s: float) -> None:
        self.longest_s = longest_s
        self._since_s: float | None = None

    def wait_s(self, waiting: int, most: int, coming: int, now_s: float) -> float | None:
        """How long from now those that wait have to be kept; 0 lets them go, None says that nobody waits.

        Args:
            waiting: frames at hand, one a source.
            most: frames that are of use together.
            coming: other sources that are likely to send one within the time.
            now_s: monotonic.
        """
        if waiting == 0:
            self._since_s = None
            return None
        if self._since_s is None:
            self._since_s = now_s
        if waiting >= most or coming == 0:
            return 0.0
        return max(0.0, self._since_s + self.longest_s - now_s)

    def gone(self) -> None:
        """Some went; those that are left begin to wait anew."""
        self._since_s = None
