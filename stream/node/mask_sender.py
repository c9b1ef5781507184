"""Mask sender: finds the masks of tracks for subscribers in a thread of its own, so that the loop does not wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from ...model.image import Image
from ...model.masks.mask import Mask
from ..mask_protocol import MaskStream, StreamMasker
from ..publish.publisher import Publisher
from ..track_mask import TrackMask
from ..wire.message_types import DetectionMessage, MaskMessage

_LOG = logging.getLogger(__name__)
_MAX_WAITING = 2
_MAX_STREAMS = 256


class MaskSender:
    """Finds masks in a thread of its own and gives them to the publisher.

    A frame that comes while two others wait gets no masks: masks of old frames are of little use, and memory stays
    bounded. Nothing is computed for sources whose masks no client subscribes to.

    Args:
        publisher: sends the masks.
        masker: finds them; None where the node has none.
    """

    def __init__(self, publisher: Publisher, masker: StreamMasker | None) -> None:
        self._publisher, self._masker = publisher, masker
        self._too_many = 0  # counted by the loop
        self._failed = 0  # counted by the worker
        self._has_warned = False
        self._slots = threading.BoundedSemaphore(_MAX_WAITING)
        self._streams: dict[MaskStream, None] = {}  # the last used one last; the worker's
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="masks")  # begins with the first frame

    def send(self, message: DetectionMessage, image: Image) -> None:
        """Queue the masks of a message that was sent already; returns at once."""
        if self._masker is None:
            if not self._has_warned:
                _LOG.warning("a client asks for masks, but the node has no masker: name one under `masks`")
            self._has_warned = True
        elif self._slots.acquire(blocking=False):
            self._worker.submit(self._find_and_send, self._masker, message, image)
        else:
            self._too_many += 1

    @property
    def dropped(self) -> int:
        """How many frames got no masks although a client was subscribed to them."""
        return self._too_many + self._failed

    def close(self) -> None:
        """Send the masks that wait, and end the thread."""
        self._worker.shutdown()

    def _find_and_send(self, masker: StreamMasker, message: DetectionMessage, image: Image) -> None:
        try:
            stream = message.source, message.generation
            boxes = {track.id: track.box_xyxy for track in message.tracks if track.state != "coasting"}
            self._use(masker, stream)
            found = masker.find(stream, image, boxes)
            self._publisher.send_masks(_message_of(message, masker.name, found))
        except Exception:  # noqa: BLE001  the loop goes on without the masks; it sees a publisher that failed itself
            if self._failed == 0:
                _LOG.exception("masks of source %s were not sent; others are only counted", message.source)
            self._failed += 1
        finally:
            self._slots.release()

    def _use(self, masker: StreamMasker, stream: MaskStream) -> None:
        """Note the stream as the last used one; the masker then drops older generations, and those beyond a limit."""
        before = list(self._streams)
        self._streams.pop(stream, None)
        self._streams[stream] = None
        for other in list(self._streams):
            if (other[0] == stream[0] and other != stream) or len(self._streams) > _MAX_STREAMS:
                del self._streams[other]
        if set(self._streams) != set(before):
            masker.keep(self._streams)


def _message_of(message: DetectionMessage, name: str, masks: Mapping[int, Mask]) -> MaskMessage:
    return MaskMessage(
        node=message.node,
        source=message.source,
        epoch=message.epoch,
        generation=message.generation,
        seq=message.seq,
        published_unix_ns=time.time_ns(),
        masker=name,
        masks=tuple(
            TrackMask(track_id, mask.size_hw, mask.counts, mask.area_px, mask.quality, mask.box_xyxy)
            for track_id, mask in masks.items()
        ),
    )
