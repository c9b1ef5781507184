"""XPUB socket: sends messages, receives subscriptions, answers late joiners, ends floods of requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import zmq

from ..options import PublisherOptions
from ..sockets.bound_socket import BoundSocket
from ..sockets.rejections import Reason
from ..sockets.token_bucket import TokenBucket
from ..wire.message_types import DetectionMessage, StatusMessage
from ..wire.topics import parse_snapshot_request
from .snapshot import Snapshot
from .subscriptions import Subscriptions

_MAX_REQUEST_BYTES = 512  # the longest request has some 140 letters, but the handshake is longer
_MAX_UNREAD = 10  # requests of one subscriber; its others wait on its own side of the connection
_MAX_AT_ONCE = 200  # requests received before something is sent again
_REQUESTS, _REQUESTS_PER_S = 20_000, 1000
_SNAPSHOTS, _SNAPSHOTS_PER_S = 200, 50
_GONE_WITHIN_S = 0.5


class XpubSocket:
    """An XPUB socket, for one thread at a time.

    ZeroMQ keeps every prefix that a subscriber asks for, at some 90 bytes a letter, before it reports it, and does not
    report whose it is: when subscribers ask for more than any reader needs, every connection is dropped. Honest readers
    connect again by themselves; with keys, the client that asked for most is rejected for a minute.

    Attributes:
        address: what subscribers connect to; with port 0 or '*' the port that was chosen.
        socket: XPUB.

    Args:
        options: where to bind.
        subscriptions: receives every request.
        on_change: called from another thread when `receive_requests` has something to do.

    Raises:
        BindError: a bad or busy address, or one that others can reach without keys.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(self, options: PublisherOptions, subscriptions: Subscriptions, on_change: Callable[[], None]) -> None:
        self._subscriptions = subscriptions
        self._snapshot = Snapshot()
        self._requests = TokenBucket(_REQUESTS, _REQUESTS_PER_S)
        self._snapshots = TokenBucket(_SNAPSHOTS, _SNAPSHOTS_PER_S)
        self._requests_of: Counter[str] = Counter()  # by the name of its key, or its address
        self._bound = BoundSocket(
            zmq.XPUB,
            {
                zmq.XPUB_VERBOSE: 1,  # a late joiner that connects again sends its snapshot request again
                zmq.SNDHWM: options.high_water_mark,
                zmq.RCVHWM: _MAX_UNREAD,
                zmq.MAXMSGSIZE: _MAX_REQUEST_BYTES,
            },
            options.address,
            "watch",
            insecure=options.insecure,
            keys=options.keys,
            on_change=on_change,
        )
        self.socket = self._bound.socket
        self.address = self._bound.address

    @property
    def rejected_connections(self) -> Mapping[Reason, int]:
        """How many connections were rejected, by reason."""
        return self._bound.rejected_connections.counts

    def receive_requests(self) -> None:
        """Receive subscriptions, and drop connections of revoked clients.

        Raises:
            ZapAuthError: the authentication has failed.
        """
        self._bound.maintain()
        for _ in range(_MAX_AT_ONCE):
            try:
                request = self.socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            self._receive(request)
        if self._subscriptions.are_too_many or self._requests.is_spent:
            self._end_flood()

    def send(self, parts: Sequence[bytes], message: DetectionMessage | StatusMessage | None) -> None:
        """Send to all subscribers; late joiners get the last `message` of a source, and no pictures."""
        self.socket.send_multipart(parts, copy=False)
        if message is not None:
            self._snapshot.keep(message)

    def forget(self, source: str) -> None:
        """Send late joiners nothing more of this source."""
        self._snapshot.forget(source)

    def close(self, linger_s: float) -> None:
        """Give subscribers `linger_s` to take what was sent, and release the address."""
        self._bound.close(linger_s)

    def _receive(self, request: zmq.Frame) -> None:
        if not self._subscriptions.is_known_end(request.bytes):
            if self._requests.is_full:
                self._requests_of.clear()  # no client has asked too much so far
            self._requests.spend()
            self._requests_of[self._sender(request)] += 1
        prefix = self._subscriptions.receive(request.bytes)
        source = None if prefix is None else parse_snapshot_request(prefix)
        if prefix is not None and source is not None and not self._snapshots.is_spent:
            self._snapshots.spend()
            for topic, body in self._snapshot.replays(source):
                self.socket.send_multipart((prefix + topic, body))

    def _sender(self, request: zmq.Frame) -> str:
        """The name of its key, or its address, or "" for one of an old protocol that has neither."""
        try:
            return str(request.get("User-Id" if self._bound.has_keys else "Peer-Address"))
        except zmq.ZMQError:
            return ""

    def _end_flood(self) -> None:
        """Drop all connections, and receive their last requests."""
        flooder = max(
            self._requests_of, key=self._requests_of.__getitem__, default=""
        )  # "": the connections before are not gone yet
        self._bound.rejected_connections.add("flood", flooder)
        self._bound.reject_client(flooder)
        self._bound.drop_connections()
        deadline_s = time.monotonic() + _GONE_WITHIN_S
        while time.monotonic() < deadline_s:
            try:
                self._subscriptions.receive(self.socket.recv(zmq.NOBLOCK))
            except zmq.Again:
                if not self._subscriptions.are_too_many:
                    break
                time.sleep(0.001)
        self._requests_of.clear()
        self._requests = TokenBucket(_REQUESTS, _REQUESTS_PER_S)
