"""Recording counters: messages, bytes, time and losses, counted as a recording is written or read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..wire.header import StreamPosition
from ..wire.seq_progress import SeqProgress
from .format import Recorded

_Key = tuple[str, str]  # node, source


@dataclass(slots=True)
class TopicCounters:
    """The messages and bytes of one topic."""

    messages: int = 0
    size_bytes: int = 0


class RecordingCounters:
    """Counts what is added.

    Attributes:
        topics: messages and bytes by topic.
        gaps: detections that were lost before the recorder, by node and source.
        starts: the number of starts of each node.
        malformed: messages whose map cannot be read; they are recorded, and replayed, as they are.
        refused: messages that could not be recorded: another topic, or another number of parts.
        first_ns, last_ns: when the first and the last were received, unix; 0 before the first.
    """

    def __init__(self) -> None:
        self.topics: dict[str, TopicCounters] = {}
        self.gaps: Counter[_Key] = Counter()
        self.starts: Counter[str] = Counter()
        self.malformed = 0
        self.refused = 0
        self.first_ns = self.last_ns = 0
        self._epochs: dict[str, int] = {}
        self._progress: dict[_Key, SeqProgress] = {}
        self._ended: dict[_Key, bool] = {}

    @property
    def messages(self) -> int:
        return sum(topic.messages for topic in self.topics.values())

    @property
    def size_bytes(self) -> int:
        return sum(topic.size_bytes for topic in self.topics.values())

    @property
    def seconds(self) -> float:
        return (self.last_ns - self.first_ns) / 1e9

    @property
    def is_finished(self) -> bool:
        """Whether every known source has ended."""
        return bool(self._ended) and all(self._ended.values())

    def add(self, message: Recorded, position: StreamPosition | None) -> None:
        """Count one message, in the order in which they were received; without a position it is malformed."""
        topic = self.topics.setdefault(message.topic.decode("ascii", "replace"), TopicCounters())
        topic.messages += 1
        topic.size_bytes += message.size_bytes
        self.first_ns = self.first_ns or message.received_unix_ns
        self.last_ns = message.received_unix_ns
        if position is None:
            self.malformed += 1
        elif position.topic.kind in ("det", "sys") and not position.replay:
            self._count_losses(position)

    def _count_losses(self, position: StreamPosition) -> None:
        key = position.topic.node, position.topic.source
        if position.epoch > self._epochs.get(position.topic.node, -1):
            self._epochs[position.topic.node] = position.epoch
            self.starts[position.topic.node] += 1
        progress = self._progress.setdefault(key, SeqProgress())
        counts = position.epoch, position.generation, position.seq
        lost = progress.lost_before_status(*counts) if position.topic.kind == "sys" else progress.advance(*counts) - 1
        if lost > 0:  # -1 is a repetition
            self.gaps[key] += lost
        self._ended[key] = position.is_last
