"""One source's place in the node: its reader, its tracks and what is counted about its messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..model.detections import DetectorInfo
from .flight import Answer
from .frame import Frame
from .latency import LatencyMeter
from .message import DetectionMessage, FrameInfo, ModelInfo, PromptInfo, StatusMessage, read_boot_id
from .options import NodeOptions, SourceOptions
from .rate import RateMeter
from .reader import Reader
from .stats import ReaderStats, SourceState
from .tracker import Tracker

_GENERATION = 1
_LAST_STATES = frozenset({"ended", "failed"})


@dataclass(frozen=True, slots=True)
class SourceSummary:
    """What became of a source while the node ran.

    Args:
        name: the source.
        frames: decoded; messages: sent; dropped: the difference.
        error: what went wrong with it, None if nothing did.
        seconds: from the node's start to the last message.
        fps: (messages - 1) / (last publication - first), 0 where there were fewer than two.
        latency_ms: p50, p95, p99 from decoding to publication, of the last ten thousand messages at most.
    """

    name: str
    frames: int
    messages: int
    dropped: int
    error: str | None
    seconds: float
    fps: float
    latency_ms: dict[str, float]


class SourceLine:
    """Takes frames from a reader and makes messages of the answers.

    Frames of a live source that a newer one replaced are counted as dropped in the next message. When the node
    stops, a frame may be waiting or with the detector: the last status and the summary count it as dropped too, so
    that there, and in every message, dropped is exactly frames decoded minus messages.

    Args:
        options: the source.
        node: the node it belongs to.
        epoch: the node's start, unix ns.
        model: who answers.
        wake: called, from the reader's thread, when there is something to take or to tell.
    """

    def __init__(
        self, options: SourceOptions, node: NodeOptions, epoch: int, model: DetectorInfo, wake: Callable[[], None]
    ) -> None:
        self.name = options.name
        self._node = node
        self._epoch = epoch
        self._model = ModelInfo(model.name, model.dtype, model.score_rule)
        self._boot_id = read_boot_id()
        self._reader = Reader(options, wake, _GENERATION)
        # '/' occurs in no name, so no two nodes or sources share a prefix.
        self._tracker = Tracker(node.tracker, f"{node.node}/{options.name}/{epoch:x}/{_GENERATION}")
        self._tracked_version = 0
        self._in_flight = 0
        self._seq = 0
        self._dropped_total = self._stale_total = 0
        self._rate = RateMeter()
        self._latency = LatencyMeter()
        self._started_ns = self._first_ns = self._last_ns = 0
        self._told: SourceState | None = None
        self._cut_short: str | None = None
        self._failure: str | None = None

    def start(self) -> None:
        self._started_ns = self._last_ns = time.monotonic_ns()
        self._reader.start()

    def stop(self, wait_s: float, failure: str | None = None) -> None:
        """Read no more, and forget the frames that wait for an answer.

        Args:
            wait_s: for the reader's thread.
            failure: why the node fails, None if it does not.
        """
        if not self.over:
            self._failure, self._cut_short = failure, failure or "the node was stopped"
        self._reader.stop(wait_s)
        self._in_flight = 0

    @property
    def over(self) -> bool:
        """Nothing more will come, and every frame that was taken has its message."""
        return self._in_flight == 0 and self._reader.finished

    def take(self) -> tuple[Frame, int] | None:
        """The next frame to ask about and how many were dropped before it; None when there is none."""
        taken = self._reader.frames.take()
        self._in_flight += taken is not None
        return taken

    def message(self, answer: Answer) -> DetectionMessage:
        """Track what was found and say it. Answers come in the order in which their frames were taken."""
        frame = answer.frame
        if answer.question.version != self._tracked_version:
            self._tracker.keep_phrases(answer.question.prompt.names)
            self._tracked_version = answer.question.version
        tracks = self._tracker.update(
            answer.detections, frame.time_s, frame.captured_unix_ns, frame.width, frame.height
        )
        now_ns, now_unix_ns = time.monotonic_ns(), time.time_ns()
        self._count(answer, now_ns)
        age_ms = None if frame.captured_unix_ns is None else (now_unix_ns - frame.captured_unix_ns) / 1e6
        stale = age_ms is not None and age_ms > self._node.stale_after_ms
        self._stale_total += stale
        prompt = answer.question.prompt
        return DetectionMessage(
            node=self._node.node,
            source=self.name,
            epoch=self._epoch,
            generation=_GENERATION,
            seq=self._seq,
            frame=_frame_info(frame, age_ms),
            model=self._model,
            prompt=PromptInfo(answer.question.version, prompt.hash, prompt.names),
            tracks=tracks,
            published_unix_ns=now_unix_ns,
            published_monotonic_ns=now_ns,
            boot_id=self._boot_id,
            stage_ms=_stage_ms(answer, now_ns),
            dropped=answer.dropped,
            dropped_total=self._dropped_total,
            stale=stale,
        )

    def news(self, prompt_version: int) -> StatusMessage | None:
        """The status, if the state is another than it was in the last one."""
        return None if self._state(self._reader.stats()) == self._told else self.status(prompt_version)

    def status(self, prompt_version: int) -> StatusMessage:
        """How the source is doing now."""
        stats = self._reader.stats()
        self._told = state = self._state(stats)
        is_over = state in _LAST_STATES
        return StatusMessage(
            node=self._node.node,
            source=self.name,
            epoch=self._epoch,
            generation=_GENERATION,
            seq=self._seq,
            state=state,
            published_unix_ns=time.time_ns(),
            fps_in=stats.fps_in,
            fps_out=self._rate.rate_hz,
            frames_decoded=stats.frames_decoded,
            dropped_total=stats.frames_decoded - self._seq if is_over else stats.frames_dropped,
            reconnects=stats.reconnects,
            corrupt=stats.corrupt,
            latency_ms=self._latency.percentiles(),
            prompt_version=prompt_version,
            stale_total=self._stale_total,
            since_message_ms=(time.monotonic_ns() - self._last_ns) / 1e6 if self._seq else None,
            error=self._failure or stats.error,
            warning=stats.warning,
            ended=(self._cut_short or stats.error or "every frame was read") if is_over else None,
        )

    def summary(self) -> SourceSummary:
        """The figures of the run, once it is over."""
        stats = self._reader.stats()
        spread_s = (self._last_ns - self._first_ns) / 1e9
        return SourceSummary(
            name=self.name,
            frames=stats.frames_decoded,
            messages=self._seq,
            dropped=stats.frames_decoded - self._seq,
            error=self._failure or stats.error,
            seconds=(self._last_ns - self._started_ns) / 1e9,
            fps=(self._seq - 1) / spread_s if self._seq > 1 and spread_s > 0.0 else 0.0,
            latency_ms=self._latency.percentiles(),
        )

    def _count(self, answer: Answer, now_ns: int) -> None:
        self._in_flight -= 1
        self._seq += 1
        self._dropped_total += answer.dropped
        self._first_ns = self._first_ns or now_ns
        self._last_ns = now_ns
        self._rate.mark()
        self._latency.add((now_ns - answer.frame.decoded_ns) / 1e6)

    def _state(self, stats: ReaderStats) -> SourceState:
        if self._failure is not None:
            return "failed"
        # Whoever hears 'ended' stops listening, so the reader's word is not passed on before the last message is out.
        return "running" if stats.state in _LAST_STATES and not self.over else stats.state


def _frame_info(frame: Frame, age_ms: float | None) -> FrameInfo:
    return FrameInfo(
        index=frame.index,
        width=frame.width,
        height=frame.height,
        clock=frame.clock,
        pts=frame.pts,
        time_base=frame.time_base,
        frame_id=frame.frame_id,
        captured_unix_ns=frame.captured_unix_ns,
        captured_error_ms=frame.captured_error_ms,
        age_ms=age_ms,
    )


def _stage_ms(answer: Answer, now_ns: int) -> dict[str, float]:
    """How long each stage took; together they are the time from the picture's first bytes to its message."""
    frame = answer.frame
    return {
        "decode": (frame.decoded_ns - frame.received_ns) / 1e6,
        "wait": (answer.submitted_ns - frame.decoded_ns) / 1e6,
        "infer": (answer.answered_ns - answer.submitted_ns) / 1e6,
        "track": (now_ns - answer.answered_ns) / 1e6,
    }
