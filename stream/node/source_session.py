"""Source session: one source's reader, tracker, counters and messages while the node runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..capture.picture_folder import are_single_pictures
from ..capture.reader import Reader
from ..capture.sensor_socket import sensor_socket_of
from ..clips.clip_recorder import ClipRecorder
from ..clock import Clock
from ..detector_protocol import StreamDetector
from ..frame import Frame
from ..geometry.position_finder import Placed, PositionFinder
from ..geometry.stereo import Sightings
from ..options import NodeOptions, SourceOptions
from ..stats import LAST_STATES, ReaderStats, SourceState
from ..track import Track
from ..tracking.tracker import Tracker
from ..wire.message_types import DetectionMessage, ModelInfo, PromptInfo, StatusMessage, read_boot_id
from .event_writer import EventWriter
from .held_results import HeldResults
from .inference import FrameQuery, FrameResult
from .message_parts import frame_info, stage_ms
from .prompt_state import VersionedPrompt
from .roi import clip_area, warn_of_area
from .source_counters import SourceCounters, SourceSummary
from .source_events import EventOrigin, SourceEvents


@dataclass(frozen=True, slots=True)
class _Ending:
    """Why the node ended a source, and the source's last state."""

    why: str
    state: SourceState


class SourceSession:
    """Takes frames from a reader and makes messages of the detector's results.

    A live source's frame that a newer one replaced is counted as dropped in the next message, and so is a frame that
    lies outside the area to detect in. When the session ends, a frame may be waiting or with the detector: the last
    status and the summary count it as dropped too. So dropped is always exactly frames decoded minus messages.

    The reader of a paused source goes on, so that the source resumes at once; its frames count as dropped.

    Attributes:
        paused: whether it is.
        ended: the node has ended the session; a result that still arrives is discarded.
        held: results that wait until their message can be made.
        user: the user who added the source; "" where the settings did.

    Args:
        options: the source.
        generation: how often a source of this name was added.
        node: the node's options.
        epoch: the node's start, unix ns.
        detector: finds the phrases.
        wake: called, from the reader's thread, when there is a frame or a new state.
        event_writer: gives what stores and sends events, where the source has any.
        clips: writes clips of events; None where there are none.
        clock: gives the time.
        sightings: what each source of the node saw last, for two cameras.
    """

    def __init__(
        self,
        options: SourceOptions,
        generation: int,
        node: NodeOptions,
        epoch: int,
        detector: StreamDetector,
        wake: Callable[[], None],
        event_writer: Callable[[], EventWriter],
        clips: ClipRecorder | None,
        clock: Clock,
        sightings: Sightings,
    ) -> None:
        self.name = options.name
        self.generation = generation
        self.options = options
        self.paused = False
        self.ended = False
        self.user = ""
        self._node = node
        self._epoch = epoch
        info = detector.info
        self._model = ModelInfo(info.name, info.dtype, info.score_rule)
        self._boot_id = read_boot_id()
        self._clock = clock
        geometry = options.geometry
        self._positions = None if geometry is None else PositionFinder(options.name, geometry, sightings)
        self.held = HeldResults(self._positions)
        sensors = None if self._positions is None else self._positions.sensors
        self._sensor_socket = sensor_socket_of(options, sensors)
        self._clips = clips
        ring = None if clips is None else clips.ring(options.name)
        self._reader = Reader(options, wake, generation, clock=clock, gpu=detector.gpu, sensors=sensors, ring=ring)
        # '/' occurs in no name, so no two nodes or sources share a prefix.
        uid_prefix = f"{node.node}/{options.name}/{epoch:x}/{generation}"
        self._is_linked = not are_single_pictures(options)
        # Events need tentative tracks too: what they did before they were confirmed counts.
        self._tracker = Tracker(replace(node.tracker, publish="all"), uid_prefix, linked=self._is_linked)
        self._all_tracks: tuple[Track, ...] = ()
        origin = EventOrigin(node.node, options.name, epoch, generation)
        self._events = SourceEvents(origin, node.tracker.coast_s, event_writer, clock)
        if self._is_linked:
            self._events.configure(options)
        self._tracked_version = 0
        self._in_flight = 0
        self._taken_ns = 0  # when the last frame that was taken was decoded
        self._outside = 0  # frames outside the area since the last one that was taken
        self._outside_total = 0
        self._area_warning: str | None = None
        self._counters = SourceCounters()
        self._sent_state: tuple[SourceState, bool] | None = None
        self._ending: _Ending | None = None

    def start(self) -> None:
        self._counters.start(self._clock.monotonic_ns())
        self._reader.start()
        if self._sensor_socket is not None:
            self._sensor_socket.start()

    def end(self, wait_s: float, why: str, state: SourceState = "ended") -> None:
        """Stop the reader, and forget the frames that wait for a result.

        Args:
            wait_s: how long to wait for the reader's thread, which then ends by itself.
            why: the reason, for a source that had not ended by itself.
            state: the last state: failed where the node failed, reconnecting where the source is opened anew.
        """
        if not self.finished:
            self._ending = _Ending(why, state)
        self._reader.stop(wait_s)
        if self._sensor_socket is not None:
            self._sensor_socket.stop(wait_s)
        self.held.clear()
        self._in_flight = 0
        self._events.end()
        self.ended = True

    @property
    def finished(self) -> bool:
        """Whether no more frames come, and every frame that was taken has its message."""
        return self._in_flight == 0 and self._reader.finished and self._events.is_done

    @property
    def is_waiting(self) -> bool:
        """Whether there is a frame to take."""
        return not self.paused and self._reader.frames.counts.waiting > 0

    def expects(self, within_s: float, now_ns: int) -> bool:
        """Whether a frame is likely within this time, judged by the rate and the last frame taken."""
        rate_hz = 0.0 if self.paused or self.is_waiting else self._reader.stats().fps_in
        if rate_hz == 0.0:
            return False
        rate_hz = min(rate_hz, self.options.target_hz or rate_hz)  # other frames are decoded and skipped
        late_s = (now_ns - self._taken_ns) / 1e9 - 1.0 / rate_hz
        return -within_s <= late_s <= 1.0 / rate_hz

    @property
    def next_seq(self) -> int:
        """The `seq` of the next message."""
        return self._counters.messages + 1

    @property
    def next_seq_taken(self) -> int:
        """The `seq` of the message about the next frame that is taken."""
        return self.next_seq + self._in_flight

    def update(self, options: SourceOptions) -> bool:
        """Use other options from the next frame on; false, and no change, if they need another connection."""
        if not self._reader.update(options):
            return False
        self.options, self._area_warning = options, None
        if self._is_linked:
            self._events.configure(options)
        return True

    def keeps_connection(self, options: SourceOptions) -> bool:
        """Whether these options need no new connection."""
        return self._reader.takes(options)

    @property
    def lingers(self) -> bool:
        """Whether the session has ended, but its thread still waits for a silent camera."""
        return self.ended and self._reader.has_thread

    def reset_tracks(self) -> None:
        """End every track."""
        self._tracker.reset()

    def send_events(self, frame: Frame) -> None:
        """Queue the events that follow from the last message."""
        seq = self._counters.messages
        events = self._events.observe(self._all_tracks, frame, seq)
        if self._clips is not None:
            self._clips.note(self.name, frame, seq, self._all_tracks, events)

    def end_events(self) -> None:
        """Queue the last events once the last message was sent. May be called again."""
        if self._in_flight == 0 and self._reader.finished:
            self._events.end()

    def take(self, prompt: VersionedPrompt) -> FrameQuery | None:
        """The next frame for the detector; None when there is none, or it lies outside the area to detect in."""
        taken = None if self.paused else self._reader.frames.take()
        if taken is None:
            return None
        frame, dropped = taken
        area, roi = None, self.options.roi_xyxy
        if roi is not None:
            area = clip_area(roi, frame.width, frame.height)
            self._area_warning = warn_of_area(roi, area, frame)
            if area is None:
                self._outside += dropped + 1
                self._outside_total += 1
                return None
        self._in_flight += 1
        self._taken_ns = frame.decoded_ns
        dropped, self._outside = dropped + self._outside, 0
        return FrameQuery(frame, dropped, prompt, area, self.options.size_px)

    def message(self, result: FrameResult) -> DetectionMessage:
        """Update the tracks, and make the message. Results come in the order in which their frames were taken."""
        query, frame = result.query, result.query.frame
        version, prompt = query.prompt.version, query.prompt.prompt
        if version != self._tracked_version:
            self._tracker.keep_phrases(prompt.names)
            self._tracked_version = version
        self._all_tracks = self._tracker.update(
            result.detections,
            frame.time_s - frame.still_total_s,  # while nothing moves the tracks stay
            frame.captured_unix_ns,
            frame.width,
            frame.height,
        )
        placed: Placed | None = None
        if self._positions is not None:
            placed = self._positions.place(frame, self._all_tracks, self.options.camera_latency_ms)
            self._all_tracks = placed.tracks
        now_ns, captured_ns = self._clock.monotonic_ns(), frame.captured_monotonic_ns
        age_ms = (
            None if captured_ns is None else (now_ns - captured_ns) / 1e6
        )  # a wall clock that is set changes nothing
        stale = age_ms is not None and age_ms > self._node.stale_after_ms
        self._in_flight -= 1
        self._counters.count(now_ns, frame.decoded_ns, query.dropped, stale=stale)
        return DetectionMessage(
            node=self._node.node,
            source=self.name,
            epoch=self._epoch,
            generation=self.generation,
            seq=self._counters.messages,
            frame=frame_info(frame, age_ms, placed),
            model=self._model,
            prompt=PromptInfo(version, prompt.hash, prompt.names),
            tracks=self._tracks_to_send(),
            published_unix_ns=self._clock.unix_ns(),
            published_monotonic_ns=now_ns,
            boot_id=self._boot_id,
            stage_ms=stage_ms(result, now_ns),
            dropped=query.dropped,
            dropped_total=self._counters.dropped,
            stale=stale,
            tracks_left_out=self._tracker.left_out,
        )

    def _tracks_to_send(self) -> tuple[Track, ...]:
        if self._node.tracker.publish == "all":
            return self._all_tracks
        return tuple(track for track in self._all_tracks if track.state == "matched")

    def changed_status(self, prompt_version: int) -> StatusMessage | None:
        """The status to send, if the state has changed since the last one that was sent."""
        if (self._state(self._reader.stats()), self.paused) == self._sent_state:
            return None
        return self.status_to_send(prompt_version)

    def status_to_send(self, prompt_version: int) -> StatusMessage:
        """The status; its state then counts as sent."""
        status = self.status(prompt_version)
        self._sent_state = status.state, status.paused
        return status

    def status(self, prompt_version: int) -> StatusMessage:
        """The source's state and figures now; from any thread."""
        stats, counters = self._reader.stats(), self._counters
        state, messages = self._state(stats), counters.messages
        has_ended = self.ended or state in LAST_STATES
        return StatusMessage(
            node=self._node.node,
            source=self.name,
            epoch=self._epoch,
            generation=self.generation,
            seq=messages,
            state=state,
            published_unix_ns=self._clock.unix_ns(),
            fps_in=stats.fps_in,
            fps_out=counters.rate_hz,
            frames_decoded=stats.frames_decoded,
            dropped_total=stats.frames_decoded - messages if has_ended else stats.frames_dropped + self._outside_total,
            reconnects=stats.reconnects,
            corrupt=stats.corrupt,
            latency_ms=counters.latency_ms(),
            prompt_version=prompt_version,
            stale_total=counters.stale,
            still_total=stats.still,
            off_schedule_total=stats.off_schedule,
            since_message_ms=counters.since_message_ms(self._clock.monotonic_ns()),
            paused=self.paused,
            counts=self._events.counts,
            uncertain_since_unix_ns=self._events.uncertain_since_unix_ns,
            error=self._error(stats),
            warning="; ".join(filter(None, self._warnings(stats))) or None,
            ended=self._ending_text(stats) if state in LAST_STATES else None,
        )

    def summary(self) -> SourceSummary:
        """The figures of the run, once it is over."""
        stats = self._reader.stats()
        return self._counters.summary(self.name, stats.frames_decoded, self._error(stats))

    def _state(self, stats: ReaderStats) -> SourceState:
        if self._ending is not None and self._ending.state != "ended":
            return self._ending.state
        # A subscriber stops at 'ended', so that state is not sent before the last message.
        return "running" if stats.state in LAST_STATES and not self.finished else stats.state

    def _warnings(self, stats: ReaderStats) -> tuple[str | None, ...]:
        geometry = None if self._positions is None else self._positions.warning
        clips = None if self._clips is None else self._clips.warning
        beside = None if self._sensor_socket is None else self._sensor_socket.warning
        return stats.warning, self._area_warning, self._events.warning, geometry, beside, clips

    def _error(self, stats: ReaderStats) -> str | None:
        has_failed = self._ending is not None and self._ending.state == "failed"
        return self._ending.why if self._ending is not None and has_failed else stats.error

    def _ending_text(self, stats: ReaderStats) -> str:
        return self._ending.why if self._ending is not None else stats.error or "every frame was read"
