"""Latency percentiles of the last results."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

_MAX_KEPT = 10_000


class LatencyMeter:
    """Keeps the last ten thousand latencies. One thread adds, any reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times_ms: deque[float] = deque(maxlen=_MAX_KEPT)

    def add(self, time_ms: float) -> None:
        with self._lock:
            self._times_ms.append(time_ms)

    def percentiles(self) -> dict[str, float]:
        """p50, p95 and p99 in ms; empty before the first time."""
        with self._lock:
            times_ms = tuple(self._times_ms)
        if not times_ms:
            return {}
        values = np.percentile(times_ms, (50, 95, 99)).tolist()
        return dict(zip(("p50", "p95", "p99"), values, strict=True))
