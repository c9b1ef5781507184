"""Mask sender: finds the masks of tracks for subscribers in a thread of its own, so that the loop does not wait."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from ...model.image import Image
from ...model.masks.mask import Mask
from ..mask_protocol import MaskStream, StreamMasker
from ..publish.publisher import Publisher
from ..track_mask import TrackMask
from ..wire.message_types import DetectionMessage, MaskMessage
from .bounded_worker import BoundedWorker

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
        self._has_warned = False
        self._streams: dict[MaskStream, None] = {}  # the last used one last; the worker's
        self._worker = BoundedWorker("masks", _MAX_WAITING)

    def send(self, message: DetectionMessage, image: Image) -> None:
        """Queue the masks of a message that was sent already; returns at once."""
        masker = self._masker
        if masker is not None:
            self._worker.submit(message.source, lambda: self._find_and_send(masker, message, image))
        elif not self._has_warned:
            self._has_warned = True
            _LOG.warning("a client asks for masks, but the node has no masker: name one under `masks`")

    @property
    def dropped(self) -> int:
        """How many frames got no masks although a client was subscribed to them."""
        return self._worker.dropped

    def close(self) -> None:
        """Send the masks that wait, and end the thread."""
        self._worker.close()

    def _find_and_send(self, masker: StreamMasker, message: DetectionMessage, image: Image) -> None:
        stream = message.source, message.generation
        boxes = {track.id: track.box_xyxy for track in message.tracks if track.state != "coasting"}
        self._use(masker, stream)
        found = masker.find(stream, image, boxes)
        self._publisher.send_masks(_message_of(message, masker.name, found))

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
