"""Source counters: messages, drops, rate and latency of one source."""

from __future__ import annotations

from dataclasses import dataclass

from ..latency import LatencyMeter
from ..rate import RateMeter


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """The figures of a source over the run of the node.

    Args:
        name: the source.
        frames: decoded; messages: sent; dropped: the difference.
        error: what went wrong with it, None if nothing did.
        seconds: from the source's start to the last message.
        fps: (messages - 1) / (last publication - first), 0 where there were fewer than two.
        latency_ms: p50, p95, p99 from decoding to publication, of at most the last ten thousand messages.
    """

    name: str
    frames: int
    messages: int
    dropped: int
    error: str | None
    seconds: float
    fps: float
    latency_ms: dict[str, float]


class SourceCounters:
    """Counts messages. The loop counts, any thread reads.

    Attributes:
        messages: sent so far; dropped: frames skipped before them; stale: messages about too old a picture.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.dropped = 0
        self.stale = 0
        self._rate = RateMeter()
        self._latency = LatencyMeter()
        self._started_ns = self._first_ns = self._last_ns = 0

    def start(self, now_ns: int) -> None:
        self._started_ns = self._last_ns = now_ns

    def count(self, now_ns: int, decoded_ns: int, dropped: int, *, stale: bool) -> None:
        """Count one message."""
        self.messages += 1
        self.dropped += dropped
        self.stale += stale
        self._first_ns = self._first_ns or now_ns
        self._last_ns = now_ns
        self._rate.mark()
        self._latency.add((now_ns - decoded_ns) / 1e6)

    @property
    def rate_hz(self) -> float:
        return self._rate.rate_hz

    def latency_ms(self) -> dict[str, float]:
        return self._latency.percentiles()

    def since_message_ms(self, now_ns: int) -> float | None:
        """How long ago the last message was sent; None before the first."""
        return max(0.0, (now_ns - self._last_ns) / 1e6) if self.messages else None  # one may be sent meanwhile

    def summary(self, name: str, frames: int, error: str | None) -> SourceSummary:
        spread_s = (self._last_ns - self._first_ns) / 1e9
        return SourceSummary(
            name=name,
            frames=frames,
            messages=self.messages,
            dropped=frames - self.messages,
            error=error,
            seconds=(self._last_ns - self._started_ns) / 1e9,
            fps=(self.messages - 1) / spread_s if self.messages > 1 and spread_s > 0.0 else 0.0,
            latency_ms=self.latency_ms(),
        )
