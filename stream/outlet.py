"""The publisher's socket: sends, hears who listens, answers late joiners, drops those who may listen no longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import zmq

from .binding import bind, bind_anew
from .gate import Gate
from .message import DetectionMessage, StatusMessage, as_replay, detections_topic, encode, status_topic
from .options import PublisherOptions
from .strangers import Reason
from .subscriptions import Subscriptions
from .topics import parse_snapshot_request

_LONGEST_REQUEST = 4096


class Outlet:
    """An XPUB socket, for one thread at a time.

    Attributes:
        address: what subscribers connect to; with port 0 or '*' the port that was chosen.
        socket: for a poller.

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
        self._last: dict[tuple[str, str], DetectionMessage | StatusMessage] = {}
        self._gate: Gate | None = None
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.XPUB)
        self.socket.set(zmq.XPUB_VERBOSE, 1)  # a joiner that comes back asks for its snapshot again, and is heard again
        self.socket.set(zmq.SNDHWM, options.high_water_mark)
        self.socket.set(zmq.MAXMSGSIZE, _LONGEST_REQUEST)
        try:
            if options.keys is not None:
                self._gate = Gate(self._context, options.keys, "watch", on_change)
            self.address = bind(self.socket, options.address, options.insecure, self._gate)
        except (OSError, ValueError):
            self.close(0.0)
            raise

    @property
    def strangers(self) -> Mapping[Reason, int]:
        """How often somebody was turned away, by reason; empty without keys."""
        return {} if self._gate is None else self._gate.strangers.counts

    def look(self) -> None:
        """See who has come, and who may stay no longer.

        Raises:
            GateError: nobody guards the socket any more.
            BindError: somebody else took the address while connections were dropped.
        """
        if self._gate is not None and self._gate.must_bind_anew():
            bind_anew(self.socket, self.address)
        while True:
            try:
                request = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            prefix = self._subscriptions.hear(request)
            source = None if prefix is None else parse_snapshot_request(prefix)
            if prefix is not None and source is not None:
                self._replay(prefix, source)

    def send(self, parts: Sequence[bytes], message: DetectionMessage | StatusMessage | None) -> None:
        """Send to whoever listens; late joiners get the last `message` of a source, and no pictures."""
        self.socket.send_multipart(parts, copy=False)
        if message is not None:
            kind = "det" if isinstance(message, DetectionMessage) else "sys"
            self._last[message.source, kind] = message

    def forget(self, source: str) -> None:
        """Tell late joiners nothing more of this source."""
        for kind in ("det", "sys"):
            self._last.pop((source, kind), None)

    def close(self, linger_s: float) -> None:
        """Give readers `linger_s` to take what was sent, and let go of the address."""
        if self._gate is not None:
            self._gate.close()
        self.socket.close(linger=round(linger_s * 1000))
        self._context.term()  # waits until the readers have the tail, or `linger_s` is over

    def _replay(self, request: bytes, source: str) -> None:
        """Answer one late joiner on its own topic.

        All detections come before any status, and ends last: who hears that every source it knows has ended goes home.
        """
        order = sorted(self._last, key=lambda key: (key[1] == "sys" and self._has_ended(key[0]), key[1], key[0]))
        for key in order:
            message = self._last[key]
            if source in ("", message.source):
                topic = detections_topic if isinstance(message, DetectionMessage) else status_topic
                self.socket.send_multipart((request + topic(message.node, message.source), encode(as_replay(message))))

    def _has_ended(self, source: str) -> bool:
        status = self._last.get((source, "sys"))
        return isinstance(status, StatusMessage) and status.state in ("ended", "failed")
