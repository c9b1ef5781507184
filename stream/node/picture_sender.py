"""Picture sender: encodes pictures for subscribers in a thread of its own, so that the loop does not wait."""

from __future__ import annotations

from ...model.image import Image, rgb_of
from ..publish.publisher import Publisher
from ..wire.message_types import DetectionMessage, PictureHeader
from .bounded_worker import BoundedWorker
from .jpeg import to_jpeg

_MAX_WAITING = 8


class PictureSender:
    """Encodes JPEGs in a thread of its own and gives them to the publisher.

    A picture is dropped if eight others wait, or if it cannot be encoded or sent.

    Args:
        publisher: sends the pictures.
        quality: of the JPEGs, 1 to 100.
    """

    def __init__(self, publisher: Publisher, quality: int) -> None:
        self._publisher = publisher
        self._quality = quality
        self._worker = BoundedWorker("pictures", _MAX_WAITING)

    def send(self, message: DetectionMessage, image: Image) -> None:
        """Queue the picture of a message that was sent already; returns at once."""
        self._worker.submit(message.source, lambda: self._encode_and_send(message, image))

    @property
    def dropped(self) -> int:
        """How many pictures were not sent."""
        return self._worker.dropped

    def close(self) -> None:
        """Send the pictures that wait, and end the thread."""
        self._worker.close()

    def _encode_and_send(self, message: DetectionMessage, image: Image) -> None:
        self._publisher.send_picture(_header_of(message), to_jpeg(rgb_of(image), self._quality))


def _header_of(message: DetectionMessage) -> PictureHeader:
    return PictureHeader(
        node=message.node, source=message.source, epoch=message.epoch, generation=message.generation, seq=message.seq
    )
