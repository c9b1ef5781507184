"""Reads one source in a thread of its own: a file, a folder, a camera or a stream."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .connection import Connection, Picture, VideoFile
from .frame import Frame
from .newest import Newest
from .options import SourceOptions
from .source_url import SourceError, check_source, redact
from .stats import ReaderStats, SourceState

__all__ = ["Reader", "SourceError", "check_source", "redact"]

_log = logging.getLogger(__name__)


class Reader:
    """Decodes one source until it ends or is stopped.

    Args:
        options: the source.
        wake: called after each frame laid into `frames` and at each change of state, from the reader's thread.
        generation: grows when a source is added again under the same name.
    """

    def __init__(self, options: SourceOptions, wake: Callable[[], None], generation: int = 1) -> None:
        self.options = options
        self.frames: Newest[Frame] = Newest(wake)
        self._wake = wake
        self._generation = generation
        self._stop = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"reader-{options.name}", daemon=True)
        self._state: SourceState = "connecting"
        self._error: str | None = None
        self._connection: Connection | None = None
        self._index = 0
        self._time_s = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self.frames.close()
        self._thread.join(1.0)

    @property
    def finished(self) -> bool:
        """The thread is over and every frame was taken."""
        return self._over.is_set() and self.frames.counts.waiting == 0

    def stats(self) -> ReaderStats:
        counts = self.frames.counts
        connection = self._connection
        return ReaderStats(
            state=self._state,
            error=self._error,
            frames_decoded=counts.put,
            frames_dropped=counts.dropped,
            corrupt=connection.corrupt if connection else 0,
            reconnects=0,
            fps_in=0.0,
            warning=None,
        )

    def _run(self) -> None:
        try:
            self._read_recording()
        except SourceError as error:
            self._become("failed", str(error))
        finally:
            self._over.set()
            self._wake()

    def _read_recording(self) -> None:
        self._connection = VideoFile(self.options)
        try:
            self._become("running", None)
            for picture in self._connection.pictures():
                frame = self._frame(picture)
                if not self.frames.put_and_wait(frame, self._stop.is_set):
                    break
        finally:
            self._connection.close()
        self._become("ended", self._connection.shortfall)

    def _frame(self, picture: Picture) -> Frame:
        numerator, denominator = picture.time_base
        if picture.pts is not None:
            self._time_s = picture.pts * numerator / denominator
        elif self._index:
            self._time_s += 1.0 / self._connection.rate_hz if self._connection else 0.04
        frame = Frame(
            source=self.options.name,
            generation=self._generation,
            index=self._index,
            pts=picture.pts,
            time_base=picture.time_base,
            time_s=self._time_s,
            captured_unix_ns=None,
            clock="file",
            captured_error_ms=None,
            received_ns=picture.received_ns,
            decoded_ns=picture.decoded_ns,
            frame_id=self.options.frame_id,
            image=picture.image,
        )
        self._index += 1
        return frame

    def _become(self, state: SourceState, error: str | None) -> None:
        self._state, self._error = state, error
        self._wake()
