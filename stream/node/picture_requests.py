"""Picture requests: clients that wait for the next picture of a source, with its message."""

from __future__ import annotations

import threading
from typing import NamedTuple

from ..frame import Frame
from ..wire.message_types import DetectionMessage
from .jpeg import to_jpeg
from .node_api import CommandError, PictureRequest


class Shot:
    """A frame and its message. The JPEG is made once, by the first thread that asks for it."""

    def __init__(self, frame: Frame, message: DetectionMessage, jpeg_quality: int) -> None:
        self._message = message
        self._frame = frame
        self._quality = jpeg_quality
        self._jpeg: bytes | None = None
        self._lock = threading.Lock()

    @property
    def message(self) -> DetectionMessage:
        return self._message

    def jpeg(self) -> bytes:
        """The frame as JPEG."""
        with self._lock:
            if self._jpeg is None:
                self._jpeg = to_jpeg(self._frame.rgb, self._quality)
            return self._jpeg


class _PendingPicture(NamedTuple):
    request: PictureRequest
    seconds: float
    until_s: float


class PictureRequests:
    """The requests that wait. For the node's loop.

    Args:
        jpeg_quality: of the pictures.
    """

    def __init__(self, jpeg_quality: int) -> None:
        self._jpeg_quality = jpeg_quality
        self._waiting: dict[str, list[_PendingPicture]] = {}

    def ask(self, source: str, seconds: float, now_s: float) -> PictureRequest:
        """Wait for the next frame of a source and its message; CommandError not_ready after so many seconds.

        Args:
            now_s: of a monotonic clock, the same in `expire`.
        """
        request = PictureRequest()
        request.set_running_or_notify_cancel()  # a client can no longer cancel it, which would raise in the loop
        self._waiting.setdefault(source, []).append(_PendingPicture(request, seconds, now_s + seconds))
        return request

    def answer(self, source: str, frame: Frame, message: DetectionMessage) -> None:
        """Answer all requests that wait for this source."""
        if waiting := self._waiting.pop(source, ()):
            shot = Shot(frame, message, self._jpeg_quality)
            for one in waiting:
                one.request.set_result(shot)

    def expire(self, now_s: float) -> None:
        """Refuse the requests whose time is over."""
        for source, waiting in list(self._waiting.items()):
            expired = [one for one in waiting if one.until_s <= now_s]
            if expired:
                self._waiting[source] = [one for one in waiting if one.until_s > now_s]
            for one in expired:
                text = f"source {source!r} gave no picture within {one.seconds:g} s: its status may say why"
                one.request.set_exception(CommandError("not_ready", text))

    def refuse(self, source: str, error: CommandError) -> None:
        """Refuse all requests for a source."""
        for one in self._waiting.pop(source, ()):
            one.request.set_exception(error)

    def refuse_all(self, error: CommandError) -> None:
        """Refuse all requests."""
        for source in tuple(self._waiting):
            self.refuse(source, error)
