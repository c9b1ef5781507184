"""Picture sender: encodes pictures for subscribers in a thread of its own, so that the loop does not wait."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from ...model.image import Image, rgb_of
from ..publish.publisher import Publisher
from ..wire.message_types import DetectionMessage, PictureHeader
from .jpeg import to_jpeg

_LOG = logging.getLogger(__name__)
_MAX_WAITING = 8


class PictureSender:
    """Encodes JPEGs in a thread of its own and gives them to the publisher.

    A picture is dropped if eight others wait, or if it cannot be encoded or sent.

    Args:
        publisher: sends the pictures.
        quality: of the JPEGs, 1 to 100.
    """

    def __init__(self, publisher: Publisher, quality: int) -> None:
        self._too_many = 0  # counted by the loop
        self._failed = 0  # counted by the worker
        self._publisher = publisher
        self._quality = quality
        self._slots = threading.BoundedSemaphore(_MAX_WAITING)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="pictures")  # begins with the first picture

    def send(self, message: DetectionMessage, image: Image) -> None:
        """Queue the picture of a message that was sent already; returns at once."""
        if self._slots.acquire(blocking=False):
            self._worker.submit(self._encode_and_send, message, image)
        else:
            self._too_many += 1

    @property
    def dropped(self) -> int:
        """How many pictures were not sent."""
        return self._too_many + self._failed

    def close(self) -> None:
        """Send the pictures that wait, and end the thread."""
        self._worker.shutdown()

    def _encode_and_send(self, message: DetectionMessage, image: Image) -> None:
        try:
            self._publisher.send_picture(_header_of(message), to_jpeg(rgb_of(image), self._quality))
        except Exception:  # noqa: BLE001  the loop goes on without the picture; it sees a publisher that failed itself
            if self._failed == 0:
                _LOG.exception("a picture of source %s was not sent; others are only counted", message.source)
            self._failed += 1
        finally:
            self._slots.release()


def _header_of(message: DetectionMessage) -> PictureHeader:
    return PictureHeader(
        node=message.node, source=message.source, epoch=message.epoch, generation=message.generation, seq=message.seq
    )
