"""How long results take: percentiles over the last of them."""

from __future__ import annotations

from collections import deque

import numpy as np

_MOST_KEPT = 10_000


class LatencyMeter:
    """Remembers the last ten thousand times that were put in."""

    def __init__(self) -> None:
        self._times_ms: deque[float] = deque(maxlen=_MOST_KEPT)

    def add(self, time_ms: float) -> None:
        self._times_ms.append(time_ms)

    def percentiles(self) -> dict[str, float]:
        """p50, p95 and p99 in ms; empty before the first time."""
        if not self._times_ms:
            return {}
        values = np.percentile(self._times_ms, (50, 95, 99)).tolist()
        return dict(zip(("p50", "p95", "p99"), values, strict=True))
