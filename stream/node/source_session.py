"""One source's place in the node: its reader, its tracks and its messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..capture.picture_folder import are_single_pictures
from ..capture.reader import Reader
from ..clock import Clock
from ..detector_protocol import StreamDetector
from ..frame import Frame
from ..options import NodeOptions, SourceOptions
from ..stats import LAST_STATES, ReaderStats, SourceState
from ..tracking.tracker import Tracker
from ..wire.message_types import DetectionMessage, FrameInfo, ModelInfo, PromptInfo, StatusMessage, read_boot_id
from .inference import FrameQuery, FrameResult
from .prompt_state import VersionedPrompt
from .roi import Area, part_inside
from .source_counters import SourceCounters, SourceSummary


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the node ended a source, and in which state it leaves it."""

    why: str
    state: SourceState


class SourceSession:
    """Takes frames from a reader and makes messages of the answers.

    Frames of a live source that a newer one replaced are counted as dropped in the next message, and so are those
    that show nothing of the area to look at. When the source is ended, a frame may be waiting or with the detector:
    the last status and the summary count it as dropped too, so that there, and in every message, dropped is exactly
    frames decoded minus messages.

    A paused source is read on, so that it is back at once, but nothing is taken: its frames count as dropped.

    Attributes:
        paused: whether it is.
        gone: the node has ended it; an answer that still comes is thrown away.
        user: who asked for it; "" where the settings do.

    Args:
        options: the source.
        generation: how often a source of this name was added.
        node: the node it belongs to.
        epoch: the node's start, unix ns.
        detector: who answers.
        wake: called, from the reader's thread, when there is something to take or to tell.
        clock: what time it is.
    """

    def __init__(
        self,
        options: SourceOptions,
        generation: int,
        node: NodeOptions,
        epoch: int,
        detector: StreamDetector,
        wake: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.name = options.name
        self.generation = generation
        self.options = options
        self.paused = False
        self.gone = False
        self.user = ""
        self._node = node
        self._epoch = epoch
        info = detector.info
        self._model = ModelInfo(info.name, info.dtype, info.score_rule)
        self._boot_id = read_boot_id()
        self._clock = clock
        self._reader = Reader(options, wake, generation, clock=clock, gpu=detector.gpu)
        # '/' occurs in no name, so no two nodes or sources share a prefix.
        uid_prefix = f"{node.node}/{options.name}/{epoch:x}/{generation}"
        self._tracker = Tracker(node.tracker, uid_prefix, linked=not are_single_pictures(options))
        self._tracked_version = 0
        self._in_flight = 0
        self._taken_ns = 0  # when the last frame that was taken had come
        self._outside = 0  # frames with nothing of the area in them since the last that was looked at
        self._outside_total = 0
        self._area_warning: str | None = None
        self._tally = SourceCounters()
        self._told: tuple[SourceState, bool] | None = None
        self._ending: _Ending | None = None

    def start(self) -> None:
        self._tally.start(self._clock.monotonic_ns())
        self._reader.start()

    def end(self, wait_s: float, why: str, state: SourceState = "ended") -> None:
        """Read no more, and forget the frames that wait for an answer.

        Args:
            wait_s: for the reader's thread, which is left behind after that.
            why: what is said of a source that had not ended by itself.
            state: in which it is then: failed where the node failed, reconnecting where it begins anew.
        """
        if not self.over:
            self._ending = _Ending(why, state)
        self._reader.stop(wait_s)
        self._in_flight = 0
        self.gone = True

    @property
    def over(self) -> bool:
        """Nothing more will come, and every frame that was taken has its message."""
        return self._in_flight == 0 and self._reader.finished

    @property
    def is_waiting(self) -> bool:
        """Whether there is a frame to take."""
        return not self.paused and self._reader.frames.counts.waiting > 0

    def expects(self, within_s: float, now_ns: int) -> bool:
        """Whether a frame is likely to come so soon, by the rate and the last one that was taken."""
        rate_hz = 0.0 if self.paused or self.is_waiting else self._reader.stats().fps_in
        if rate_hz == 0.0:
            return False
        rate_hz = min(rate_hz, self.options.target_hz or rate_hz)  # others are decoded, and passed over
        late_s = (now_ns - self._taken_ns) / 1e9 - 1.0 / rate_hz
        return -within_s <= late_s <= 1.0 / rate_hz

    @property
    def next_seq(self) -> int:
        """Of the next message."""
        return self._tally.messages + 1

    @property
    def next_seq_taken(self) -> int:
        """Of the message about the next frame that is taken."""
        return self.next_seq + self._in_flight

    def update(self, options: SourceOptions) -> bool:
        """Go on with other options from the next frame on; false if they need another connection."""
        if not self._reader.update(options):
            return False
        self.options, self._area_warning = options, None
        return True

    def takes(self, options: SourceOptions) -> bool:
        """Whether these options need no new connection."""
        return self._reader.takes(options)

    @property
    def lingers(self) -> bool:
        """Whether its thread and its connection are there though it is gone: its camera is silent."""
        return self.gone and self._reader.has_thread

    def reset_tracks(self) -> None:
        """End every track."""
        self._tracker.reset()

    def take(self, question: VersionedPrompt) -> FrameQuery | None:
        """The next frame to ask about; None when there is none, or nothing of the area to look at is in it."""
        taken = None if self.paused else self._reader.frames.take()
        if taken is None:
            return None
        frame, dropped = taken
        area, roi = None, self.options.roi_xyxy
        if roi is not None:
            area = part_inside(roi, frame.width, frame.height)
            self._area_warning = _warn_of_area(roi, area, frame)
            if area is None:
                self._outside += dropped + 1
                self._outside_total += 1
                return None
        self._in_flight += 1
        self._taken_ns = frame.decoded_ns
        dropped, self._outside = dropped + self._outside, 0
        return FrameQuery(frame, dropped, question, area, self.options.size_px)

    def message(self, answer: FrameResult) -> DetectionMessage:
        """Track what was found and say it. Answers come in the order in which their frames were taken."""
        look, frame = answer.look, answer.look.frame
        question, prompt = look.question, look.question.prompt
        if question.version != self._tracked_version:
            self._tracker.keep_phrases(prompt.names)
            self._tracked_version = question.version
        tracks = self._tracker.update(
            answer.detections, frame.time_s, frame.captured_unix_ns, frame.width, frame.height
        )
        now_ns, captured_ns = self._clock.monotonic_ns(), frame.captured_monotonic_ns
        age_ms = None if captured_ns is None else (now_ns - captured_ns) / 1e6  # whatever becomes of the wall clock
        stale = age_ms is not None and age_ms > self._node.stale_after_ms
        self._in_flight -= 1
        self._tally.count(now_ns, frame.decoded_ns, look.dropped, stale=stale)
        return DetectionMessage(
            node=self._node.node,
            source=self.name,
            epoch=self._epoch,
            generation=self.generation,
            seq=self._tally.messages,
            frame=_frame_info(frame, age_ms),
            model=self._model,
            prompt=PromptInfo(question.version, prompt.hash, prompt.names),
            tracks=tracks,
            published_unix_ns=self._clock.unix_ns(),
            published_monotonic_ns=now_ns,
            boot_id=self._boot_id,
            stage_ms=_stage_ms(answer, now_ns),
            dropped=look.dropped,
            dropped_total=self._tally.dropped,
            stale=stale,
            tracks_left_out=self._tracker.left_out,
        )

    def news(self, prompt_version: int) -> StatusMessage | None:
        """The status, if the source is in another state than was told last."""
        return None if (self._state(self._reader.stats()), self.paused) == self._told else self.tell(prompt_version)

    def tell(self, prompt_version: int) -> StatusMessage:
        """The status, which is then no longer news."""
        status = self.status(prompt_version)
        self._told = status.state, status.paused
        return status

    def status(self, prompt_version: int) -> StatusMessage:
        """How the source is doing now; from any thread."""
        stats, tally = self._reader.stats(), self._tally
        state, messages = self._state(stats), tally.messages
        is_over = self.gone or state in LAST_STATES
        return StatusMessage(
            node=self._node.node,
            source=self.name,
            epoch=self._epoch,
            generation=self.generation,
            seq=messages,
            state=state,
            published_unix_ns=self._clock.unix_ns(),
            fps_in=stats.fps_in,
            fps_out=tally.rate_hz,
            frames_decoded=stats.frames_decoded,
            dropped_total=stats.frames_decoded - messages if is_over else stats.frames_dropped + self._outside_total,
            reconnects=stats.reconnects,
            corrupt=stats.corrupt,
            latency_ms=tally.latency_ms(),
            prompt_version=prompt_version,
            stale_total=tally.stale,
            since_message_ms=tally.since_message_ms(self._clock.monotonic_ns()),
            paused=self.paused,
            error=self._error(stats),
            warning="; ".join(text for text in (stats.warning, self._area_warning) if text) or None,
            ended=self._how_it_ended(stats) if state in LAST_STATES else None,
        )

    def summary(self) -> SourceSummary:
        """The figures of the run, once it is over."""
        stats = self._reader.stats()
        return self._tally.summary(self.name, stats.frames_decoded, self._error(stats))

    def _state(self, stats: ReaderStats) -> SourceState:
        if self._ending is not None and self._ending.state != "ended":
            return self._ending.state
        # Whoever hears 'ended' stops listening, so the reader's word is not passed on before the last message is out.
        return "running" if stats.state in LAST_STATES and not self.over else stats.state

    def _error(self, stats: ReaderStats) -> str | None:
        has_failed = self._ending is not None and self._ending.state == "failed"
        return self._ending.why if self._ending is not None and has_failed else stats.error

    def _how_it_ended(self, stats: ReaderStats) -> str:
        return self._ending.why if self._ending is not None else stats.error or "every frame was read"


def _warn_of_area(roi: Area, inside: Area | None, frame: Frame) -> str | None:
    size = f"{frame.width}x{frame.height}"
    if inside is None:
        return f"roi_xyxy {list(roi)} lies outside the picture of {size}, so nothing is looked at: set it anew"
    return (
        None if inside == roi else f"roi_xyxy {list(roi)} reaches out of the picture of {size}: the rest is looked at"
    )


def _frame_info(frame: Frame, age_ms: float | None) -> FrameInfo:
    return FrameInfo(
        index=frame.index,
        width=frame.width,
        height=frame.height,
        clock=frame.clock,
        pts=frame.pts,
        time_base=frame.time_base,
        file=frame.file,
        frame_id=frame.frame_id,
        captured_unix_ns=frame.captured_unix_ns,
        captured_sent_unix_ns=frame.captured_sent_unix_ns,
        captured_error_ms=frame.captured_error_ms,
        age_ms=age_ms,
    )


def _stage_ms(answer: FrameResult, now_ns: int) -> dict[str, float]:
    """How long each stage took; together they are the time from the picture's first bytes to its message."""
    frame = answer.look.frame
    return {
        "decode": (frame.decoded_ns - frame.received_ns) / 1e6,
        "wait": (answer.submitted_ns - frame.decoded_ns) / 1e6,
        "infer": (answer.answered_ns - answer.submitted_ns) / 1e6,
        "track": (now_ns - answer.answered_ns) / 1e6,
    }
