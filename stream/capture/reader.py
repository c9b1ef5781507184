"""Reader: decodes one source in its own thread, and reconnects to a lost camera."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from ..clips.frame_encoder import FrameEncoder
from ..clips.packet_ring import PacketRing
from ..clock import Clock
from ..decode.opened_source import OpenedSource, StreamFacts, TimedPicture
from ..decode.video import Video
from ..decoder_process.start import DecoderProcess
from ..frame import Frame
from ..geometry.sensors import Sensors
from ..options import SourceOptions
from ..rate import RateMeter
from ..sockets.descriptors import NoDescriptorError
from ..source_url import SourceError, SourceKind, kind_of, redact
from ..stats import ReaderStats, SourceState
from ..timing.liveness import Liveness
from .backoff import Backoff
from .frame_maker import FrameMaker
from .newest import Newest
from .open_source import open_source
from .picture_folder import are_single_pictures

__all__ = ["Reader"]

_log = logging.getLogger(__name__)

_NEED_NO_CONNECTION = (
    *("loop", "frame_id", "camera_latency_ms", "target_hz", "frozen_after_s"),
    *("prompt", "threshold", "size_px", "roi_xyxy"),  # which a reader does not use
    *("zones", "lines", "object_events", "relink_s", "away_s", "static_after_s", "motion", "schedule"),
)
_STABLE_AFTER_S = 1.0
_RECONNECTED: frozenset[SourceKind] = frozenset({"rtsp", "http", "device", "push"})


class Reader:
    """Decodes one source until it ends or is stopped; a lost camera is reconnected to without end.

    Files: every frame, in order. Cameras and streams: the newest frame; those not taken in time count as dropped.
    A lavfi: test source behaves like a camera, paced in real time; with a duration it ends.

    Args:
        options: the source.
        wake: called from the reader's thread after each frame put into `frames`, and at each change of state.
        generation: grows when a source is added again under the same name.
        backoff: how long to wait before a lost camera is tried again.
        clock: the monotonic and the wall clock.
        gpu: as in `StreamDetector`; None converts pictures to RGB.
        decoder: opens the source where its options ask for `decode_process`; ended with the reader.
        sensors: takes poses and depth pictures that a program pushes.
        ring: gets the undecoded packets, or, of a source that has none in this process, encoded frames.
    """

    def __init__(
        self,
        options: SourceOptions,
        wake: Callable[[], None],
        generation: int = 1,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        gpu: int | None = None,
        decoder: DecoderProcess | None = None,
        sensors: Sensors | None = None,
        ring: PacketRing | None = None,
    ) -> None:
        self.options = options
        self._gpu = gpu
        self._decoder = decoder or DecoderProcess()
        self._sensors = sensors
        self._ring = ring
        self._encoder: FrameEncoder | None = None
        self._log = logging.LoggerAdapter(_log, {"source": options.name})  # for logs that machines read
        self.frames: Newest[Frame] = Newest(wake)
        self._wake = wake
        self._backoff = backoff or Backoff()
        self._stop = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"reader-{options.name}", daemon=True)
        self._lock = threading.Lock()  # over what stats() reads together
        self._state: SourceState = "connecting"
        self._error: str | None = None
        self._connection: OpenedSource | None = None
        self._facts: StreamFacts | None = None
        self._liveness: Liveness | None = None
        self._connections = 0
        self._corrupt_before = 0
        self._logged: set[tuple[str, str, int | None]] = set()
        self._rate = RateMeter()
        self._maker = FrameMaker(options, generation, clock or Clock(), delay_known=options.url.startswith("lavfi:"))

    def start(self) -> None:
        self._thread.start()

    def update(self, options: SourceOptions) -> bool:
        """Use other options from the next picture on. Called from any thread.

        Returns:
            False if they need a new connection, and so a new reader; then nothing has changed.
        """
        if not self.takes(options):
            return False
        self.options = self._maker.options = options
        return True

    def takes(self, options: SourceOptions) -> bool:
        """Whether these options need no new connection."""
        if self._facts is not None and self._facts.polled and options.target_hz != self.options.target_hz:
            return False
        changes = {name: getattr(options, name) for name in _NEED_NO_CONNECTION}
        return replace(self.options, **changes) == options

    def stop(self, wait_s: float = 0.5) -> None:
        """Stop reading. A frame that was not taken counts as dropped.

        FFmpeg cannot be interrupted while it waits for a silent camera. Then this returns after `wait_s`, and the
        thread ends when the source's own time limit is over. It does not keep the process alive.
        """
        self._stop.set()
        self.frames.close()
        if self._thread.ident is not None:
            self._thread.join(wait_s)
            if self._thread.is_alive() and wait_s > 0.0:
                self._log.info("source %s: stopped while its camera is silent", self.options.name)
        with self._lock:
            if self._state != "failed":
                self._state = "ended"
        self._over.set()

    @property
    def has_thread(self) -> bool:
        """Whether its thread and connection still exist; after `stop` it may wait for a silent camera."""
        return self._thread.is_alive()

    @property
    def finished(self) -> bool:
        """Whether no frame follows, and every frame was taken."""
        return self._over.is_set() and self.frames.counts.waiting == 0

    @property
    def facts(self) -> StreamFacts | None:
        """The stream's properties when it was last opened; None before that."""
        return self._facts

    @property
    def key_distance_s(self) -> float | None:
        """Seconds between the last two key frames; None before the second."""
        return self._liveness.key_distance_s if self._liveness else None

    def stats(self) -> ReaderStats:
        """The counters now. frames_decoded = frames taken + frames_dropped + the one that may be waiting."""
        counts = self.frames.counts
        with self._lock:
            state, error, connection = self._state, self._error, self._connection
            warnings = [self._facts.notice] if self._facts and self._facts.notice else []
            if connection is not None:
                state, error = _with_liveness(state, error, connection)
                warnings += [*self._maker.warnings, *filter(None, [connection.liveness.warning])]
            return ReaderStats(
                state=state,
                error=error,
                frames_decoded=counts.put,
                frames_dropped=counts.dropped,
                corrupt=self._corrupt_before + (connection.liveness.corrupt if connection else 0),
                reconnects=max(0, self._connections - 1),
                fps_in=self._rate.rate_hz,
                warning="; ".join(warnings) or None,
                still=self._maker.still,
                off_schedule=self._maker.off_schedule,
            )

    def _run(self) -> None:
        try:
            self._read_until_over()
        except SourceError as error:
            self._become("failed", str(error))
        except Exception as error:  # noqa: BLE001  the edge of a thread
            self._become("failed", str(self._unforeseen(error)))
        finally:
            self._decoder.close()
            if self._encoder is not None:
                self._encoder.close()
            self._over.set()
            self._wake()

    def _read_until_over(self) -> None:
        kind = kind_of(self.options.url)
        while not self._stop.is_set():
            index_before = self._maker.index
            try:
                ending = self._read_once()
            except SourceError as fault:
                if kind not in _RECONNECTED and not isinstance(fault, NoDescriptorError):
                    raise
                self._try_again(fault)
                continue
            except Exception as error:
                if kind not in _RECONNECTED:
                    raise
                self._try_again(self._unforeseen(error))
                continue
            if not self.options.loop or kind == "lavfi" or self._maker.index == index_before:
                self._become("ended", ending)
                return

    def _try_again(self, after: SourceError) -> None:
        self._become("reconnecting", str(after))
        self._stop.wait(self._backoff.wait_s(after))

    def _unforeseen(self, error: Exception) -> SourceError:
        """The error for an exception that was not foreseen. Each is logged once, with its traceback."""
        at = traceback.extract_tb(error.__traceback__)[-1]
        if (place := (type(error).__name__, at.filename, at.lineno)) not in self._logged:
            self._logged.add(place)
            text = redact("".join(traceback.format_exception(error)), self.options.url)
            self._log.error("source %s: the reader broke:\n%s", self.options.name, text)
        return SourceError("the reader broke, which is a fault in groundcast: the log says where")

    def _read_once(self) -> str | None:
        """Read one connection to its end; what was missing, if anything.

        Raises:
            SourceError: it could not be opened, or was lost.
        """
        connection = open_source(self.options, self._stop.wait, self._gpu, self._decoder, self._sensors)
        if (notice := connection.facts.notice) and not (self._facts and self._facts.notice == notice):
            self._log.warning("source %s: %s", self.options.name, notice)
        with self._lock:
            self._connection, self._facts, self._liveness = connection, connection.facts, connection.liveness
        try:
            self._keep_packets(connection)
            self._put_frames(connection)
        finally:
            with self._lock:
                self._connection = None
                self._corrupt_before += connection.liveness.corrupt
            connection.close()
        return connection.shortfall

    def _keep_packets(self, connection: OpenedSource) -> None:
        if self._ring is None:
            return
        if isinstance(connection, Video):
            connection.keep_packets(self._ring)
        elif self._encoder is None and not are_single_pictures(self.options):
            self._ring.by_frame_time = True
            self._encoder = FrameEncoder(self._ring, self.options.name)

    def _put_frames(self, connection: OpenedSource) -> None:
        live = connection.facts.live
        self._maker.begin(connection)
        first_s: float | None = None
        for picture in connection.pictures():
            if first_s is None:
                is_new = live or self._connections == 0  # the next round of a loop is not new
                self._become("running", None, connections=int(is_new))
                first_s = time.monotonic()
            elif time.monotonic() - first_s >= _STABLE_AFTER_S:  # else a camera that hangs up early is tried less often
                self._backoff.reset()
            if not self._put_frame(picture, live):
                return

    def _put_frame(self, picture: TimedPicture, live: bool) -> bool:
        """Put the picture's frame, or count it as skipped; false once the queue is closed."""
        moment = self._maker.place(picture)
        if not self._maker.wants(picture, moment):
            self._rate.mark()
            return self.frames.count_skipped()
        frame = self._maker.frame(picture, moment)
        if frame is None:
            return True
        self._rate.mark()
        if self._encoder is not None and _has_events(self.options):
            self._encoder.put(frame)
        return self.frames.put(frame) if live else self.frames.put_and_wait(frame, self._stop.is_set)

    def _become(self, state: SourceState, error: str | None, *, connections: int = 0) -> None:
        with self._lock:
            self._connections += connections
            if self._stop.is_set():
                return  # `stop` sets the last state
            is_news, is_new_state = (state, error) != (self._state, self._error), state != self._state
            self._state, self._error = state, error
        if is_new_state:
            level = logging.WARNING if error else logging.INFO
            self._log.log(level, "source %s: %s%s", self.options.name, state, f" ({error})" if error else "")
        if is_news:
            self._wake()


def _has_events(options: SourceOptions) -> bool:
    return bool(options.zones or options.lines or options.object_events)


def _with_liveness(state: SourceState, error: str | None, connection: OpenedSource) -> tuple[SourceState, str | None]:
    """The state with the connection's liveness, since the reader's thread may be blocked in FFmpeg."""
    if not connection.facts.live:
        return state, error
    if state == "running":
        stall = connection.liveness.stall
        return ("stalled", stall) if stall else (state, error)
    return state, connection.liveness.doubt or error
