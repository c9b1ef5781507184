"""Clip recorder: writes clips of events from the rings of their sources, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..event import Event
from ..frame import Frame
from ..options import ClipOptions
from ..track import Track
from .clip import Clip, TrackedMoment
from .clip_file import ClipError
from .clip_folder import ClipFolder
from .packet_ring import PacketRing

_LOG = logging.getLogger(__name__)
_TAKE_EVERY_S = 0.25
_LATE_S = 30.0  # how long after an event it may be known
_MAX_MOMENTS = 20_000
_WAIT_AFTER_S = 30.0  # after a disk that was full


@dataclass(slots=True)
class _Source:
    """What is kept of one source."""

    ring: PacketRing
    moments: deque[TrackedMoment] = field(default_factory=lambda: deque[TrackedMoment](maxlen=_MAX_MOMENTS))
    clip: Clip | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)  # over `moments`


class ClipRecorder:
    """Writes a clip for each event, or one for several that follow each other.

    Attributes:
        warning: why clips are not written; None while they are.
        written: clips that are complete.
        missed: events that have no clip.

    Args:
        options: where and how long.

    Raises:
        ClipError: the folder cannot be made.
    """

    def __init__(self, options: ClipOptions) -> None:
        self.warning: str | None = None
        self.written = self.missed = 0
        self._options = options
        self._folder = ClipFolder(options.folder, options.max_mib << 20, options.max_days)
        self._lock = threading.Lock()
        self._sources: dict[str, _Source] = {}
        self._events: deque[tuple[str, Event, float, int]] = deque()
        self._not_before_s = float("-inf")
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._thread.start()

    def ring(self, source: str) -> PacketRing:
        """A new ring for a source that is opened; a clip of an older one of that name ends."""
        options = self._options
        ring = PacketRing(options.ring_mib << 20, options.before_s + _LATE_S)
        with self._lock:
            before, self._sources[source] = self._sources.get(source), _Source(ring)
            if before is not None and before.clip is not None:
                self._finish(before)
        return ring

    def note(self, source: str, frame: Frame, seq: int, tracks: Sequence[Track], events: Sequence[Event]) -> None:
        """Take the tracks of a frame and the events that follow from it; returns at once."""
        known = self._sources.get(source)
        if known is None:
            return
        if known.ring.by_frame_time:
            stream_s = frame.time_s
        elif frame.pts is None:
            return
        else:
            stream_s = frame.pts * frame.time_base[0] / frame.time_base[1]
        with known.lock:
            known.moments.append(TrackedMoment(stream_s, seq, tuple(tracks)))
        taken_ns = frame.captured_unix_ns or time.time_ns()
        for event in events:
            if event.kind in self._options.kinds:
                at_s = stream_s - max(0.0, frame.time_s - event.time_s)
                self._events.append((source, event, at_s, taken_ns))
                self._wake.set()

    def close(self, wait_s: float) -> None:
        """End the clips with what there is, for so long at most."""
        self._stop.set()
        self._wake.set()
        self._thread.join(wait_s)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            self._wake.wait(_TAKE_EVERY_S)
            self._wake.clear()
            is_over = self._stop.is_set()
            with self._lock:
                try:
                    self._work(is_over=is_over)
                except Exception as error:  # noqa: BLE001  the node goes on without clips
                    _LOG.exception("clips broke, which is a fault in groundcast")
                    self.warning = f"clips broke ({type(error).__name__}): the log says where"

    def _work(self, *, is_over: bool) -> None:
        while self._events:
            self._begin(*self._events.popleft())
        for known in self._sources.values():
            self._take(known, is_over=is_over)

    def _begin(self, source: str, event: Event, at_s: float, unix_ns: int) -> None:
        """Begin a clip for an event, or let one that is being written last longer."""
        known, options = self._sources[source], self._options
        until_s = at_s + options.after_s
        clip = known.clip
        if clip is not None and clip.begin_s <= at_s and until_s - clip.begin_s <= options.max_clip_s:
            clip.add_event(event, at_s, until_s)
            return
        if clip is not None:
            self._finish(known)
        first = known.ring.start_for(at_s - options.before_s)
        if time.monotonic() < self._not_before_s:
            self.missed += 1
            return
        if first is None or first.at_s > at_s:
            self._miss(known)
            return
        try:
            path = self._folder.new_clip(source, unix_ns)
            known.clip = Clip(path, source, known.ring, first, until_s)
            known.clip.add_event(event, at_s, until_s)
        except OSError as error:
            self._fail(known, error)

    def _take(self, known: _Source, *, is_over: bool) -> None:
        if known.clip is None:
            return
        try:
            goes_on = known.clip.take()
        except OSError as error:
            self._fail(known, error)
            return
        if not goes_on or is_over:
            self._finish(known)

    def _finish(self, known: _Source) -> None:
        clip, known.clip = known.clip, None
        if clip is None:
            return
        try:
            with known.lock:
                moments = list(known.moments)
            clip.finish(moments)
            self._folder.remove_old()
        except OSError as error:
            self._fail(known, error)
            return
        self.written += 1
        if self.warning is not None:
            _LOG.warning("clips are written again")
        self.warning = None

    def _miss(self, known: _Source) -> None:
        """Count an event whose packets are not there."""
        self.missed += 1
        why = known.ring.left_out or "their packets were gone: raise clips.ring_mib"
        text = f"{self.missed} events have no clip: {why}"
        if self.warning is None:
            _LOG.warning("%s", text)
        self.warning = text

    def _fail(self, known: _Source, error: OSError) -> None:
        if known.clip is not None:
            known.clip.discard()
            known.clip = None
        self.missed += 1
        self._not_before_s = time.monotonic() + _WAIT_AFTER_S
        text = str(error) if isinstance(error, ClipError) else f"{self._folder.path}: {error.strerror or error}"
        if self.warning is None:
            _LOG.error("clips are not written: %s", text)
        self.warning = f"clips are not written: {text}"
