"""What a recording holds, counted as it is written or read: messages, bytes, time, losses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..wire.header import StreamPosition
from ..wire.seq_progress import SeqProgress
from .format import Recorded

_Key = tuple[str, str]  # node, source


@dataclass(slots=True)
class TopicCounters:
    """Of one topic: how many messages, how many bytes."""

    messages: int = 0
    size_bytes: int = 0


class RecordingCounters:
    """Counts what is added.

    Attributes:
        topics: by topic.
        gaps: detections that were lost on the way to the recorder, by node and source.
        starts: how many starts of each node were seen.
        malformed: messages whose map cannot be read; they are recorded, and replayed, as they are.
        refused: messages that could not be recorded at all: no topic of ours, or another number of parts.
        first_ns, last_ns: when the first and the last were heard, unix; 0 before the first.
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
        """Whether every source that was heard of has ended."""
        return bool(self._ended) and all(self._ended.values())

    def add(self, message: Recorded, stamp: StreamPosition | None) -> None:
        """Count one message, in the order in which they were heard; without a stamp it is malformed."""
        topic = self.topics.setdefault(message.topic.decode("ascii", "replace"), TopicCounters())
        topic.messages += 1
        topic.size_bytes += message.size_bytes
        self.first_ns = self.first_ns or message.heard_unix_ns
        self.last_ns = message.heard_unix_ns
        if stamp is None:
            self.malformed += 1
        elif stamp.topic.kind != "img" and not stamp.replay:
            self._count_losses(stamp)

    def _count_losses(self, stamp: StreamPosition) -> None:
        key = stamp.topic.node, stamp.topic.source
        if stamp.epoch > self._epochs.get(stamp.topic.node, -1):
            self._epochs[stamp.topic.node] = stamp.epoch
            self.starts[stamp.topic.node] += 1
        progress = self._progress.setdefault(key, SeqProgress())
        place = stamp.epoch, stamp.generation, stamp.seq
        lost = progress.lost_before_status(*place) if stamp.topic.kind == "sys" else progress.advance(*place) - 1
        if lost > 0:  # -1 is a repetition
            self.gaps[key] += lost
        self._ended[key] = stamp.is_last
