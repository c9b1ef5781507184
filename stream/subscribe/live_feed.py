"""Live feed: a node's newest messages for a program that stays, whose pictures are switched on and off by source."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Collection

import zmq

from ..sockets.client_keys import Keys
from ..wire.message_types import DetectionMessage, EventMessage, StatusMessage
from ..wire.topics import MessageError, parse_topic, picture_topic, snapshot_request
from .inbox import Inbox, Wanted
from .sub_socket import subscribe, topics_of, wait_readable

_MAX_QUEUED = 64  # a page that is late skips frames, and need not read old ones first
_MAX_AT_ONCE = 200
_MAINTAIN_EVERY_S = 1.0
_WAIT_S = 0.02  # while a message waits for its picture


class LiveFeed:
    """Receives every message and status of a node, and the pictures of those sources that `watch` names.

    A node encodes pictures only while a client subscribes to them, so a feed that watches no source costs it nothing.
    Unlike a `Subscriber` it does not end with its sources. Use it from one asyncio loop.

    Args:
        address: where the node publishes.
        on_message: called with the newest message of a source, its picture filled in where the source is watched.
        on_status: called with every status.
        keys: for a node that demands them.
        on_event: called with every event of zones, lines and objects; None receives none.

    Raises:
        SubscriberError: a bad address; keys that are missing, damaged or open to others.
    """

    def __init__(
        self,
        address: str,
        on_message: Callable[[DetectionMessage], None],
        on_status: Callable[[StatusMessage], None],
        keys: Keys | None = None,
        on_event: Callable[[EventMessage], None] | None = None,
    ) -> None:
        request = snapshot_request(secrets.token_hex(16))
        self._request = request
        self._on_message = on_message
        self._on_event = on_event
        self._plain = Inbox(Wanted(requests=(request,)), on_status)
        self._pictured = Inbox(Wanted(requests=(request,), pictures=True), on_status)
        self._watched: frozenset[str] = frozenset()
        self._subscribed: set[bytes] = set()
        self._nodes: dict[str, str] = {}
        topics = [*topics_of("sys", None, None), *topics_of("det", None, None), request]
        topics += topics_of("evt", None, None) if on_event else []
        self._client = subscribe(address, topics, _MAX_QUEUED, keys)
        self._socket = self._client.socket

    @property
    def refusal(self) -> str | None:
        """Why the node rejects us, as the end of a sentence; None if it does not, or is not there."""
        return self._client.refusal

    @property
    def gaps(self) -> int:
        """Messages that were lost on the way."""
        return self._plain.gaps + self._pictured.gaps

    def watch(self, sources: Collection[str]) -> None:
        """Receive the pictures of these sources, and of no other."""
        self._watched = frozenset(sources)
        self._subscribe_pictures()

    async def run(self) -> None:
        """Receive until cancelled."""
        while True:
            self._client.maintain()
            waits_s = _WAIT_S if self._pictured.is_waiting else _MAINTAIN_EVERY_S
            if not self._receive():
                await wait_readable(self._socket, waits_s)
            self._give()
            await asyncio.sleep(0)  # a flood of messages must not starve the program's other tasks

    def close(self) -> None:
        """Close the connection. Twice does no harm."""
        self._client.close()

    def _receive(self) -> int:
        count = 0
        for count in range(1, _MAX_AT_ONCE + 1):
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return count - 1
            self._put(parts)
        return count

    def _put(self, parts: list[bytes]) -> None:
        source = ""
        with contextlib.suppress(MessageError):
            topic = parse_topic(parts[0].removeprefix(self._request))
            source = topic.source
            if self._nodes.get(source) != topic.node:
                self._nodes[source] = topic.node
                self._subscribe_pictures()
        (self._pictured if source in self._watched else self._plain).put(parts)

    def _give(self) -> None:
        for inbox in (self._plain, self._pictured):
            while self._on_event is not None and (event := inbox.take_event()) is not None:
                self._on_event(event)
            while (message := inbox.take()) is not None:
                self._on_message(message)

    def _subscribe_pictures(self) -> None:
        wanted = {picture_topic(self._nodes[source], source) for source in self._watched if source in self._nodes}
        for topic in wanted - self._subscribed:
            self._socket.subscribe(topic)
        for topic in self._subscribed - wanted:
            self._socket.unsubscribe(topic)
        self._subscribed = wanted
