"""Held results: detections of a moving camera's frames that wait for the pose at their capture time."""

from __future__ import annotations

import time
from collections import deque

from ..geometry.position_finder import PositionFinder
from .inference import FrameResult


class HeldResults:
    """Results of one source, in order. For the node's loop.

    Args:
        positions: knows which poses are there; None lets every result through at once.
    """

    def __init__(self, positions: PositionFinder | None) -> None:
        self._positions = positions
        self._held: deque[FrameResult] = deque()

    def __len__(self) -> int:
        return len(self._held)

    def put(self, result: FrameResult) -> None:
        """Keep a result. Results come in the order in which their frames were taken."""
        self._held.append(result)

    def clear(self) -> None:
        self._held.clear()

    def take(self, latency_ms: float) -> FrameResult | None:
        """The next result whose message can be made: its pose is there, does not come, or has been waited for."""
        if not self._held:
            return None
        result, positions = self._held[0], self._positions
        if positions is not None and positions.awaits(result.query.frame, latency_ms):
            waited_ms = (time.monotonic_ns() - result.done_ns) / 1e6
            if waited_ms < positions.options.poses.wait_ms:
                return None
        return self._held.popleft()
