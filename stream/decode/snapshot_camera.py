"""Snapshot camera: an HTTP address that answers each request with one picture, and is polled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..options import SourceOptions
from ..source_url import SourceError
from ..timing.liveness import Liveness
from .ffmpeg_open import is_still
from .opened_source import TimedPicture
from .video import Video

DEFAULT_POLL_HZ = 1.0
_TICKS_HZ = 1000


class SnapshotCamera:
    """Requests a picture `target_hz` times a second, or once a second where that is not set.

    A request that is due while the one before is pending follows at once; missed requests are not repeated. The
    pictures' times are those of their requests, counted from the first.

    Args:
        first: the opened answer to the first request.
        options: the source.
        pause: waits so many seconds; true if the wait was cut short because the work is over.
        gpu: as in `StreamDetector`.
    """

    def __init__(
        self, first: Video, options: SourceOptions, pause: Callable[[float], bool], gpu: int | None = None
    ) -> None:
        self._video, self._options, self._pause, self._gpu = first, options, pause, gpu
        self.rate_hz = options.target_hz or DEFAULT_POLL_HZ
        self.facts = replace(first.facts, live=True, dated=True, rate_hz=self.rate_hz, polled=True)
        self.held_back_s = 0.0
        self.shortfall: str | None = None
        now_ns = time.monotonic_ns()
        self.liveness = Liveness(now_ns, now_ns, interval_s=1.0 / self.rate_hz)

    def pictures(self) -> Iterator[TimedPicture]:
        """One picture per request.

        Raises:
            SourceError: an answer did not come, or was no picture.
        """
        first_s = requested_s = time.monotonic()
        while True:
            for picture in self._answer():
                yield replace(picture, pts=round((requested_s - first_s) * _TICKS_HZ), time_base=(1, _TICKS_HZ))
            requested_s = max(requested_s + 1.0 / self.rate_hz, time.monotonic())
            if self._pause(max(0.0, requested_s - time.monotonic())):
                return
            self._video = Video(self._options, self._pause, self._gpu)

    def close(self) -> None:
        self._video.close()

    def _answer(self) -> Iterator[TimedPicture]:
        where, video = self._options.url, self._video
        if not is_still(video.facts.container):
            raise SourceError(f"{where} no longer answers with a picture, but with {video.facts.container}")
        try:
            for picture in video.pictures():
                self.liveness.beat(moved=True, is_key=True)
                self.liveness.show()
                yield picture
        finally:
            self.liveness.corrupt += video.liveness.corrupt
            video.close()
        if not video.liveness.packets or video.liveness.corrupt:
            raise SourceError(f"{where} answered with a picture that cannot be read: is it whole?")
