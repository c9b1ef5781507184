"""Subscriber's inbox: from received parts to messages, with gaps, refusals, the newest per source, and the end."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..stats import LAST_STATES
from ..wire.event_message import decode_event
from ..wire.header import check_parts
from ..wire.mask_message import decode_masks
from ..wire.message import decode_detections, decode_picture_header, decode_status
from ..wire.message_types import DetectionMessage, EventMessage, StatusMessage
from ..wire.seq_progress import SeqProgress
from ..wire.topics import MessageError, Topic, parse_topic
from .picture_matcher import PictureMatcher

_LOG = logging.getLogger(__name__)
_MAX_EVENTS = 100_000
_MAX_SOURCES = 4096  # of which state is kept, also where topics are forged
_UNCERTAIN = (
    "a picture of source %s was refused (this is logged once, the rest is counted): its time is known to within"
    " %.0f ms only, and with its age that is more than max_age_ms=%g: allow more, or state camera_latency_ms"
)
_Key = tuple[str, str]  # node, source


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber wants; `Subscriber` documents each field."""

    sources: frozenset[str] | None = None
    node: str | None = None
    newest_only: bool = True
    max_age_ms: float | None = None
    max_sigma_m: float | None = None
    allow_unclocked: bool = False
    pictures: bool = False
    masks: bool = False
    requests: tuple[bytes, ...] = ()


class _Progress(SeqProgress):
    def __init__(self) -> None:
        super().__init__()
        self.replayed: tuple[int, int, int] | None = None
        self.events = SeqProgress()
        self.ended = False


class Inbox:
    """Takes messages as ZeroMQ delivers them, and gives them out as a program wants them. Has no socket.

    Attributes:
        gaps: messages that were lost on the way, by their `seq`.
        skipped: messages that a newer one replaced before they were taken (`newest_only`).
        refused: messages that were not given out, by reason: old, future, uncertain, unclocked, replay (all five by
            `max_age_ms`), repeated, malformed.
        statuses: the last status of each source.
        event_gaps: events that were lost on the way, by their `number`.
        received: messages of any kind that are wanted.
    """

    def __init__(self, wanted: Wanted, on_status: Callable[[StatusMessage], None] | None = None) -> None:
        self.gaps = 0
        self.skipped = 0
        self.refused: Counter[str] = Counter()
        self.statuses: dict[str, StatusMessage] = {}
        self.event_gaps = 0
        self.received = 0
        self._wanted = wanted
        self._on_status = on_status
        self._progress: dict[_Key, _Progress] = {}
        self._matchers: dict[_Key, PictureMatcher] = {}
        self._ready: dict[tuple[str, str, int], DetectionMessage] = {}
        self._events: deque[EventMessage] = deque()
        self._count = 0

    def put(self, parts: Sequence[bytes], now_ns: int | None = None) -> None:
        """Take one multi-part message, valid or not."""
        try:
            self._read(parts, time.monotonic_ns() if now_ns is None else now_ns)
        except MessageError as error:
            if not self.refused["malformed"]:
                _LOG.warning("a message could not be read (this is logged once, the rest is counted): %s", error)
            self.refused["malformed"] += 1

    def take(self, now_ns: int | None = None) -> DetectionMessage | None:
        """The next message to give out, if there is one."""
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        for matcher in self._matchers.values():
            self._add_from(matcher, now_ns)
        while self._ready:
            message = self._ready.pop(next(iter(self._ready)))
            reason = self._refusal(message)
            if reason is None:
                max_sigma_m = self._wanted.max_sigma_m
                return message if max_sigma_m is None else _without_uncertain(message, max_sigma_m)
            if reason == "uncertain" and not self.refused[reason]:
                _LOG.warning(_UNCERTAIN, message.source, message.frame.captured_error_ms, self._wanted.max_age_ms)
            self.refused[reason] += 1
        return None

    def take_event(self) -> EventMessage | None:
        """The next event, if there is one; events are given in their order."""
        return self._events.popleft() if self._events else None

    @property
    def is_full(self) -> bool:
        """Whether a message must be taken before more are put: every message is wanted, and one is ready."""
        return bool(self._ready) and not self._wanted.newest_only

    @property
    def is_waiting(self) -> bool:
        """Whether a message may become ready although no other arrives."""
        return any(len(matcher) for matcher in self._matchers.values())

    @property
    def is_finished(self) -> bool:
        """Whether everything was taken and every wanted source has ended."""
        if self._ready or self._events or self.is_waiting:
            return False
        names = {source for _, source in self._progress}
        known = bool(names) and (self._wanted.sources is None or self._wanted.sources <= names)
        return known and all(progress.ended for progress in self._progress.values())

    def _read(self, parts: Sequence[bytes], now_ns: int) -> None:
        request = next((request for request in self._wanted.requests if parts[0].startswith(request)), b"")
        topic = parse_topic(parts[0][len(request) :])
        if not self._is_wanted(topic):
            return
        check_parts(parts[0][len(request) :], parts[1:])
        if len(self._progress) >= _MAX_SOURCES and (topic.node, topic.source) not in self._progress:
            raise MessageError(f"source {topic.node}/{topic.source} is one too many: at most {_MAX_SOURCES} are read")
        self.received += 1
        progress = self._progress.setdefault((topic.node, topic.source), _Progress())
        if topic.kind == "det":
            message = decode_detections(parts[1])
            _check_names(topic, message.node, message.source)
            self._take_detections(replace(message, replay=message.replay or bool(request)), progress, now_ns)
        elif topic.kind == "sys":
            status = decode_status(parts[1])
            _check_names(topic, status.node, status.source)
            self._take_status(replace(status, replay=status.replay or bool(request)), progress)
        elif topic.kind == "evt":
            event = decode_event(parts[1])
            _check_names(topic, event.node, event.source)
            self._take_event(event, progress)
        elif topic.kind == "mask":
            masks = decode_masks(parts[1])
            _check_names(topic, masks.node, masks.source)
            matcher = self._matcher(topic.node, topic.source)
            matcher.add_masks(masks)
            self._add_from(matcher, now_ns)
        else:
            header = decode_picture_header(parts[1])
            _check_names(topic, header.node, header.source)
            matcher = self._matcher(topic.node, topic.source)
            matcher.add_picture(header, parts[2])
            self._add_from(matcher, now_ns)

    def _is_wanted(self, topic: Topic) -> bool:
        wanted = self._wanted
        return (wanted.node in (None, topic.node)) and (wanted.sources is None or topic.source in wanted.sources)

    def _take_detections(self, message: DetectionMessage, progress: _Progress, now_ns: int) -> None:
        if message.replay:
            self._take_replay(message, progress)
            return
        steps = progress.advance(message.epoch, message.generation, message.seq)
        if steps == 0:
            self.refused["repeated"] += 1
            return
        self.gaps += steps - 1
        progress.ended = False
        if self._wanted.pictures or self._wanted.masks:
            matcher = self._matcher(message.node, message.source)
            matcher.add_message(message, now_ns)
            self._add_from(matcher, now_ns)
        else:
            self._add(message)

    def _take_replay(self, message: DetectionMessage, progress: _Progress) -> None:
        """A replay is old news: it changes no counter, and never replaces a live message."""
        at = (message.epoch, message.generation, message.seq)
        is_known = progress.at is not None and progress.at[0] == at[0] and at <= progress.at
        if not is_known and progress.replayed != at:
            progress.replayed = at
            self._add(message)

    def _take_event(self, event: EventMessage, progress: _Progress) -> None:
        if not event.replay:
            steps = progress.events.advance(event.epoch, event.generation, event.number)
            if steps == 0:
                self.refused["repeated"] += 1
                return
            self.event_gaps += steps - 1
        self._events.append(event)
        if len(self._events) > _MAX_EVENTS:  # of a program that takes none
            self._events.popleft()
            self.event_gaps += 1

    def _take_status(self, status: StatusMessage, progress: _Progress) -> None:
        if not status.replay:
            self.gaps += progress.lost_before_status(status.epoch, status.generation, status.seq)
        progress.ended = status.state in LAST_STATES
        self.statuses[status.source] = status
        if self._on_status is not None:
            self._on_status(status)

    def _add_from(self, matcher: PictureMatcher, now_ns: int) -> None:
        for message in matcher.take(now_ns):
            self._add(message)

    def _add(self, message: DetectionMessage) -> None:
        self._count += 1
        key = (message.node, message.source, 0 if self._wanted.newest_only else self._count)
        before = self._ready.get(key)
        if before is not None:
            if message.replay and not before.replay:
                return
            self.skipped += not before.replay
        self._ready[key] = message

    def _refusal(self, message: DetectionMessage) -> str | None:
        max_age_ms = self._wanted.max_age_ms
        if max_age_ms is None:
            return None
        if message.replay:
            return "replay"
        age_ms = message.age_ms_now()
        if age_ms is None:
            if not self._wanted.allow_unclocked:
                return "unclocked"
            age_ms = message.ms_since_published()
        if age_ms > max_age_ms:
            return "old"
        # With clocks that disagree by so much an old picture could seem new.
        if age_ms < -max_age_ms:
            return "future"
        return "uncertain" if max(age_ms, 0.0) + (message.frame.captured_error_ms or 0.0) > max_age_ms else None

    def _matcher(self, node: str, source: str) -> PictureMatcher:
        return self._matchers.setdefault(
            (node, source), PictureMatcher(pictures=self._wanted.pictures, masks=self._wanted.masks)
        )


def _without_uncertain(message: DetectionMessage, max_sigma_m: float) -> DetectionMessage:
    """The message without the positions that are less certain."""
    tracks = tuple(
        replace(track, position=None, no_position="uncertain")
        if track.position is not None and not track.position.sigma_m <= max_sigma_m
        else track
        for track in message.tracks
    )
    return replace(message, tracks=tracks)


def _check_names(topic: Topic, node: str, source: str) -> None:
    if (topic.node, topic.source) != (node, source):
        raise MessageError(f"source {node}/{source} came on the topic of {topic.node}/{topic.source}")
