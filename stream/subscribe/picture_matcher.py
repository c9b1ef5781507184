"""Picture matcher: joins each picture to its message, whichever of the two arrives first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from ..wire.message_types import DetectionMessage, PictureHeader

_MAX_WAIT_NS = 500_000_000
_MAX_PICTURES = 4  # a picture whose message has not come after this many others never gets one
_MAX_WAITING = 1000

_Count = tuple[int, int, int]  # epoch, generation, seq


class PictureMatcher:
    """The messages of one source that wait for their picture, and pictures that wait for their message.

    A message goes on without a picture once a later picture has come, or after half a second.
    """

    def __init__(self) -> None:
        self._pictures: dict[_Count, bytes] = {}
        self._waiting: deque[tuple[DetectionMessage, int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add_message(self, message: DetectionMessage, now_ns: int) -> None:
        """Add a message; messages come in the order of their source."""
        self._waiting.append((message, now_ns))

    def add_picture(self, header: PictureHeader, jpeg: bytes) -> None:
        """Add a picture; pictures come in the order of their source."""
        self._pictures[_count(header)] = jpeg
        while len(self._pictures) > _MAX_PICTURES:
            del self._pictures[next(iter(self._pictures))]

    def take(self, now_ns: int) -> Iterator[DetectionMessage]:
        """Every message that need not wait any longer."""
        while self._waiting:
            message, since_ns = self._waiting[0]
            count = _count(message)
            jpeg = self._pictures.pop(count, None)
            is_overtaken = any(other[0] == count[0] and other > count for other in self._pictures)
            is_late = now_ns - since_ns >= _MAX_WAIT_NS or len(self._waiting) > _MAX_WAITING
            if jpeg is None and not is_overtaken and not is_late:
                return
            self._waiting.popleft()
            yield replace(message, picture=jpeg)


def _count(message: DetectionMessage | PictureHeader) -> _Count:
    return message.epoch, message.generation, message.seq
