"""Publisher: sends messages on one socket, in a thread of its own, so that the loop never waits on the network."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

import zmq

from ..options import PublisherOptions
from ..sockets.bound_socket import BindError
from ..sockets.key_files import KeyFileError
from ..sockets.rejections import Reason
from ..sockets.wake import Wake
from ..wire.event_message import encode_event
from ..wire.mask_message import encode_masks
from ..wire.message import encode
from ..wire.message_types import DetectionMessage, EventMessage, MaskMessage, PictureHeader, StatusMessage
from ..wire.topics import (
    MessageError,
    check_name,
    detections_topic,
    event_topic,
    mask_topic,
    node_prefix,
    picture_topic,
    status_topic,
)
from .subscriptions import Subscriptions
from .xpub_socket import XpubSocket

_LOG = logging.getLogger(__name__)
_MAX_QUEUED = 1024
_MAX_QUEUED_PICTURES = 16


class PublisherError(OSError):
    """The address cannot be used, or the publisher was closed or has failed; one sentence."""


@dataclass(frozen=True, slots=True)
class _Outgoing:
    parts: tuple[bytes, ...]
    message: DetectionMessage | StatusMessage | None  # None for what late joiners do not receive
    is_picture: bool = False


@dataclass(frozen=True, slots=True)
class _RemovedSource:
    source: str


class Publisher:
    """Binds at once. The send methods queue for the thread, and return.

    A slow subscriber loses the newest messages, as with any PUB socket, and sees the gap in `seq`. So does every
    subscriber if the thread itself falls more than a thousand messages behind, or a message holds a value that cannot
    be encoded: `dropped` counts those, and the log says once what it was.

    Attributes:
        address: what subscribers connect to; with port 0 or '*' the port that was chosen.
        dropped: messages and pictures that were never handed to the socket.

    Raises:
        PublisherError: a bad or busy address, one that others can reach without keys, keys that are missing, damaged
            or open to others, or a `high_water_mark` below 1.
        MessageError: the node's name cannot stand in a topic.
    """

    def __init__(self, options: PublisherOptions, node: str) -> None:
        self._node = check_name(node)
        if options.high_water_mark < 1:
            raise PublisherError(
                f"high_water_mark is {options.high_water_mark}: a subscriber needs room for 1 message or more"
            )
        self.dropped = 0
        self._queue: deque[_Outgoing | _RemovedSource] = deque()
        self._pictures_queued = 0
        self._has_logged_error = False
        self._lock = threading.Lock()
        self._linger_s: float | None = None  # set by close
        self._failure: Exception | None = None
        self._subscriptions = Subscriptions()
        self._wake = Wake()
        try:
            self._xpub_socket = XpubSocket(options, self._subscriptions, self._wake.set)
        except (BindError, KeyFileError) as error:
            self._wake.close()
            raise PublisherError(str(error)) from error
        self.address = self._xpub_socket.address
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    @property
    def rejected_connections(self) -> Mapping[Reason, int]:
        """How many connections were rejected, by reason."""
        return self._xpub_socket.rejected_connections

    def send_detections(self, message: DetectionMessage) -> None:
        """Send the detections in one frame of this node.

        Raises:
            MessageError: another node's name, or a source's that cannot stand in a topic.
            PublisherError: closed, or the thread has failed.
        """
        self._send(detections_topic(self._own(message.node), message.source), message)

    def send_status(self, message: StatusMessage) -> None:
        """Send how a source is doing; raises as `send_detections` does."""
        self._send(status_topic(self._own(message.node), message.source), message)

    def send_event(self, message: EventMessage) -> None:
        """Send an event; raises as `send_detections` does."""
        self._send(event_topic(self._own(message.node), message.source), message)

    def wants_pictures(self, source: str) -> bool:
        """Whether a client is subscribed to this source's pictures now."""
        return self._subscriptions.match(picture_topic(self._node, source))

    def wants_masks(self, source: str) -> bool:
        """Whether a client is subscribed to the masks of this source's tracks now."""
        return self._subscriptions.match(mask_topic(self._node, source))

    def send_masks(self, message: MaskMessage) -> None:
        """Send the masks of a message's tracks; raises as `send_detections` does."""
        topic = mask_topic(self._own(message.node), message.source)
        self._put(_Outgoing((topic, encode_masks(message)), None, is_picture=True))

    def forget(self, source: str) -> None:
        """After what is queued, send late joiners nothing more of a source that was removed."""
        with self._lock:
            if self._linger_s is None:
                self._queue.append(_RemovedSource(source))
                self._wake.set()

    def send_picture(self, belongs_to: PictureHeader, jpeg: bytes) -> None:
        """Send the JPEG of a message of this node's; raises as `send_detections` does."""
        topic = picture_topic(self._own(belongs_to.node), belongs_to.source)
        self._put(_Outgoing((topic, encode(belongs_to), jpeg), None, is_picture=True))

    def wait_for_subscriber(self, timeout_s: float, stop: Callable[[], bool]) -> bool:
        """Wait until a client subscribes to detections of this node; False if time ran out or `stop()` is true."""
        return self._subscriptions.wait_below(node_prefix("det", self._node), timeout_s, stop)

    def close(self, linger_s: float = 1.0) -> None:
        """Send what is queued, give subscribers `linger_s` to take it, and release the address. Twice does no harm."""
        with self._lock:
            if self._linger_s is not None:
                return
            self._linger_s = max(0.0, linger_s)
            self._wake.set()
        self._thread.join()
        self._wake.close()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _own(self, node: str) -> str:
        if node != self._node:
            raise MessageError(f"node {node!r} must be {self._node!r}, whose socket this is")
        return node

    def _send(self, topic: bytes, message: DetectionMessage | StatusMessage | EventMessage) -> None:
        try:
            body = encode_event(message) if isinstance(message, EventMessage) else encode(message)
        except MessageError as error:
            with self._lock:
                self.dropped += 1
                is_first, self._has_logged_error = not self._has_logged_error, True
            if is_first:
                _LOG.error("a message of source %s was dropped, as others like it will be: %s", message.source, error)
            return
        self._put(_Outgoing((topic, body), None if isinstance(message, EventMessage) else message))

    def _put(self, outgoing: _Outgoing) -> None:
        with self._lock:
            if self._failure is not None:
                raise PublisherError(f"the publisher on {self.address} failed: {self._failure}") from self._failure
            if self._linger_s is not None:
                raise PublisherError(f"the publisher on {self.address} is closed")
            # A status or an event is small and rare: it is still queued when detections are not.
            is_rare = outgoing.message is None or isinstance(outgoing.message, StatusMessage)
            limit = _MAX_QUEUED * (2 if is_rare and not outgoing.is_picture else 1)
            is_full = len(self._queue) >= limit
            if is_full or (outgoing.is_picture and self._pictures_queued >= _MAX_QUEUED_PICTURES):
                self.dropped += 1
                return
            self._pictures_queued += outgoing.is_picture
            self._queue.append(outgoing)
            self._wake.set()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001  the edge of a thread: the next send ends the node
            _LOG.exception("the publisher's thread failed")
            with self._lock:
                self._failure = error
        finally:
            self._xpub_socket.close(self._linger_s or 0.0)

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._xpub_socket.socket, zmq.POLLIN)
        poller.register(self._wake.fileno(), zmq.POLLIN)
        while True:
            poller.poll()
            self._wake.clear()
            self._xpub_socket.receive_requests()
            with self._lock:
                batch = list(self._queue)
                self._queue.clear()
                self._pictures_queued = 0
                is_closing = self._linger_s is not None
            for item in batch:
                if isinstance(item, _Outgoing):
                    self._xpub_socket.send(item.parts, item.message)
                else:
                    self._xpub_socket.forget(item.source)
            if is_closing:
                return
