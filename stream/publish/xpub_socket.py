"""The publisher's socket: sends, hears who listens, answers late joiners, drops those who may listen no longer."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import zmq

from ..options import PublisherOptions
from ..sockets.bind import bind
from ..sockets.rejections import Reason, Rejections
from ..sockets.token_bucket import TokenBucket
from ..sockets.zap_auth import ZapAuth
from ..wire.message import DetectionMessage, StatusMessage
from ..wire.topics import parse_snapshot_request
from .snapshot import Snapshot
from .subscriptions import Subscriptions

_MAX_REQUEST_BYTES = 512  # the longest topic has 209 letters, but the handshake is longer
_MAX_UNHEARD = 10  # requests of one subscriber; its others wait on its own side of the line
_MAX_AT_ONCE = 200  # requests heard before something is sent again
_REQUESTS, _REQUESTS_PER_S = 20_000, 1000
_SNAPSHOTS, _SNAPSHOTS_PER_S = 200, 50
_GONE_WITHIN_S = 0.5


class XpubSocket:
    """An XPUB socket, for one thread at a time.

    ZeroMQ keeps every prefix that a subscriber asks for, at some 90 bytes a letter, before it tells us of it, and does
    not tell whose it is: when more is asked than any reader needs, every connection is dropped. Honest readers come
    back by themselves; with keys, whoever asked most stays out for a minute.

    Attributes:
        address: what subscribers connect to; with port 0 or '*' the port that was chosen.
        socket: XPUB.

    Args:
        options: where to bind.
        subscriptions: told of everybody who comes to listen.
        on_change: called from another thread when `look` has something to do.

    Raises:
        BindError: a bad or busy address, or one that others can reach without keys.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(self, options: PublisherOptions, subscriptions: Subscriptions, on_change: Callable[[], None]) -> None:
        self._subscriptions = subscriptions
        self._snapshot = Snapshot()
        self._requests = TokenBucket(_REQUESTS, _REQUESTS_PER_S)
        self._snapshots = TokenBucket(_SNAPSHOTS, _SNAPSHOTS_PER_S)
        self._asked: Counter[str] = Counter()  # by the name of its key, or its address
        self._strangers = Rejections("watch")
        self._gate: ZapAuth | None = None
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.XPUB)
        self.socket.set(zmq.XPUB_VERBOSE, 1)  # a joiner that comes back asks for its snapshot again, and is heard
        self.socket.set(zmq.SNDHWM, options.high_water_mark)
        self.socket.set(zmq.RCVHWM, _MAX_UNHEARD)
        self.socket.set(zmq.MAXMSGSIZE, _MAX_REQUEST_BYTES)
        try:
            if options.keys is not None:
                self._gate = ZapAuth(self._context, options.keys, "watch", on_change, self._strangers)
            self._binding = bind(self.socket, options.address, options.insecure, self._gate)
        except (OSError, ValueError):
            self._close_sockets(0.0)
            raise
        self.address = self._binding.address

    @property
    def rejected_connections(self) -> Mapping[Reason, int]:
        """How often somebody was turned away, by reason."""
        return self._strangers.counts

    def look(self) -> None:
        """See who has come, and who may stay no longer.

        Raises:
            GateError: nobody guards the socket any more.
        """
        self._binding.look()
        for _ in range(_MAX_AT_ONCE):
            try:
                request = self.socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            self._hear(request)
        if self._subscriptions.are_too_many or self._requests.is_spent:
            self._end_flood()

    def send(self, parts: Sequence[bytes], message: DetectionMessage | StatusMessage | None) -> None:
        """Send to whoever listens; late joiners get the last `message` of a source, and no pictures."""
        self.socket.send_multipart(parts, copy=False)
        if message is not None:
            self._snapshot.keep(message)

    def forget(self, source: str) -> None:
        """Tell late joiners nothing more of this source."""
        self._snapshot.forget(source)

    def close(self, linger_s: float) -> None:
        """Give readers `linger_s` to take what was sent, and let go of the address."""
        self._binding.close()
        self._close_sockets(linger_s)

    def _close_sockets(self, linger_s: float) -> None:
        if self._gate is not None:
            self._gate.close()
        self.socket.close(linger=round(linger_s * 1000))
        self._context.term()  # waits until the readers have the tail, or `linger_s` is over

    def _hear(self, request: zmq.Frame) -> None:
        if not self._subscriptions.is_known_end(request.bytes):
            if self._requests.is_whole:
                self._asked.clear()  # whoever asked so far has not asked too much
            self._requests.spend()
            self._asked[self._sender(request)] += 1
        prefix = self._subscriptions.hear(request.bytes)
        source = None if prefix is None else parse_snapshot_request(prefix)
        if prefix is not None and source is not None and not self._snapshots.is_spent:
            self._snapshots.spend()
            for topic, body in self._snapshot.replays(source):
                self.socket.send_multipart((prefix + topic, body))

    def _sender(self, request: zmq.Frame) -> str:
        """The name of its key, or its address, or "" for one of an old protocol that tells neither."""
        try:
            return str(request.get("User-Id" if self._gate else "Peer-Address"))
        except zmq.ZMQError:
            return ""

    def _end_flood(self) -> None:
        """Drop everybody, and hear the last of them."""
        flooder = max(self._asked, key=self._asked.__getitem__, default="")  # nobody new, if the last are not gone yet
        self._strangers.turn_away("flood", flooder)
        if self._gate is not None:
            self._gate.shut_out(flooder)
        self._binding.renew()
        deadline_s = time.monotonic() + _GONE_WITHIN_S
        while time.monotonic() < deadline_s:
            try:
                self._subscriptions.hear(self.socket.recv(zmq.NOBLOCK))
            except zmq.Again:
                if not self._subscriptions.are_too_many:
                    break
                time.sleep(0.001)
        self._asked.clear()
        self._requests = TokenBucket(_REQUESTS, _REQUESTS_PER_S)
