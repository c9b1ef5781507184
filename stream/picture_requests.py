"""Who waits for a picture of which source."""

from __future__ import annotations

from concurrent.futures import Future

from .frame import Frame
from .message import DetectionMessage
from .node_commands import CommandError

PictureRequest = Future[tuple[Frame, DetectionMessage]]


class PictureRequests:
    """For the node's loop. Who no longer waits cancels his request."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[PictureRequest]] = {}

    def ask(self, source: str) -> PictureRequest:
        """The next frame of a source and its message, when they are there."""
        request = PictureRequest()
        still_waiting = [one for one in self._waiting.get(source, ()) if not one.cancelled()]
        self._waiting[source] = [*still_waiting, request]
        return request

    def give(self, source: str, frame: Frame, message: DetectionMessage) -> None:
        """Hand a frame to all who wait for it."""
        for request in self._waiting.pop(source, ()):
            if request.set_running_or_notify_cancel():
                request.set_result((frame, message))

    def refuse(self, source: str, error: CommandError) -> None:
        """Tell those who wait for a source that nothing will come."""
        for request in self._waiting.pop(source, ()):
            if request.set_running_or_notify_cancel():
                request.set_exception(error)

    def refuse_all(self, error: CommandError) -> None:
        """Tell all who wait that nothing will come."""
        for source in tuple(self._waiting):
            self.refuse(source, error)
