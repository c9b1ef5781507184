"""Picture matcher: joins pictures and masks to their message, whichever arrives first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from ..wire.message_types import DetectionMessage, MaskMessage, PictureHeader

_MAX_WAIT_NS = 500_000_000
_MAX_PARTS = 4  # a picture whose message has not come after this many others never gets one
_MAX_WAITING = 1000

_Count = tuple[int, int, int]  # epoch, generation, seq
_Part = TypeVar("_Part")


class PictureMatcher:
    """The messages of one source that wait for their picture or masks, and those that wait for their message.

    A message goes on without a picture once a later picture has come, or after half a second; masks are treated alike.

    Args:
        pictures, masks: what each message waits for.
    """

    def __init__(self, *, pictures: bool = True, masks: bool = False) -> None:
        self._pictures = _Waiting[bytes]() if pictures else None
        self._masks = _Waiting[MaskMessage]() if masks else None
        self._waiting: deque[tuple[DetectionMessage, int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add_message(self, message: DetectionMessage, now_ns: int) -> None:
        """Add a message; messages come in the order of their source."""
        self._waiting.append((message, now_ns))

    def add_picture(self, header: PictureHeader, jpeg: bytes) -> None:
        """Add a picture; pictures come in the order of their source."""
        if self._pictures is not None:
            self._pictures.add(_count(header), jpeg)

    def add_masks(self, masks: MaskMessage) -> None:
        """Add the masks of a message; they come in the order of their source."""
        if self._masks is not None:
            self._masks.add(_count(masks), masks)

    def take(self, now_ns: int) -> Iterator[DetectionMessage]:
        """Every message that need not wait any longer."""
        while self._waiting:
            message, since_ns = self._waiting[0]
            count = _count(message)
            is_late = now_ns - since_ns >= _MAX_WAIT_NS or len(self._waiting) > _MAX_WAITING
            expected = [part for part in (self._pictures, self._masks) if part is not None and part.may_come(count)]
            if expected and not is_late:
                return
            self._waiting.popleft()
            found = None if self._masks is None else self._masks.pop(count)
            masks = None if found is None else {mask.track_id: mask for mask in found.masks}
            yield replace(message, picture=None if self._pictures is None else self._pictures.pop(count), masks=masks)


class _Waiting(Generic[_Part]):
    """Pictures, or masks, that wait for their message."""

    def __init__(self) -> None:
        self._parts: dict[_Count, _Part] = {}

    def add(self, count: _Count, part: _Part) -> None:
        self._parts[count] = part
        while len(self._parts) > _MAX_PARTS:
            del self._parts[next(iter(self._parts))]

    def may_come(self, count: _Count) -> bool:
        """Whether the message's own part is not here, and no later one either."""
        is_overtaken = any(other[0] == count[0] and other > count for other in self._parts)
        return count not in self._parts and not is_overtaken

    def pop(self, count: _Count) -> _Part | None:
        return self._parts.pop(count, None)


def _count(message: DetectionMessage | MaskMessage | PictureHeader) -> _Count:
    return message.epoch, message.generation, message.seq
