"""Raw subscriber: receives a node's messages byte for byte, so that unknown keys are kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType

from ..sockets.client_keys import Keys
from ..subscribe.sub_socket import check_names, subscribe, topics_of
from ..wire.topics import MessageError, TopicKind, parse_topic

_KINDS: tuple[TopicKind, ...] = ("evt", "sys", "det")
_MAX_QUEUED = 20_000
_MAX_QUEUED_WITH_PICTURES = 1000  # they are large; still enough for a disk that stalls for seconds


class RawSubscriber:
    """Subscribes to all messages of a node.

    Args:
        address: where the node publishes.
        sources: their names, or None for all.
        node: the node's name, or None for any.
        pictures: subscribe to pictures too, which the node encodes only while a client does.
        keys: for a node that demands them: the folder with our own key and the node's.

    Raises:
        SubscriberError: a bad address or name; keys that are missing, damaged or open to others.
    """

    def __init__(
        self,
        address: str,
        sources: Sequence[str] | None = None,
        *,
        node: str | None = None,
        pictures: bool = False,
        keys: Keys | None = None,
    ) -> None:
        names = check_names(sources, node)
        self.address = address
        self._names = None if names is None else frozenset(names)
        topics = topics_of("img", node, names) if pictures else []
        # Detections last: a node that waits for their subscriber then knows the others already.
        topics += [topic for kind in _KINDS for topic in topics_of(kind, node, names)]
        self._client = subscribe(address, topics, _MAX_QUEUED_WITH_PICTURES if pictures else _MAX_QUEUED, keys)
        self._socket = self._client.socket

    @property
    def refusal(self) -> str | None:
        """Why the node rejects us, as the end of a sentence; None if it does not, or is not there."""
        return self._client.refusal

    def take(self, wait_s: float) -> tuple[bytes, ...] | None:
        """The next message, its topic first, or None if none has come within `wait_s`."""
        until_s = time.monotonic() + wait_s
        while self._socket.poll(max(0, round((until_s - time.monotonic()) * 1000))):
            parts = tuple(self._socket.recv_multipart())
            if self._is_wanted(parts[0]):
                return parts
        self._client.maintain()
        return None

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> RawSubscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_wanted(self, topic: bytes) -> bool:
        if self._names is None:
            return True
        try:
            return parse_topic(topic).source in self._names
        except MessageError:
            return False
