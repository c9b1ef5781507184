"""Event bridge: puts a node's events into a disk queue, from which a sender delivers them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from ..event import EventKind
from ..wire.message_types import DetectionMessage, EventMessage, StatusMessage
from .bridge_figures import BridgeFigures
from .disk_queue import DiskQueue
from .event_json import EventPicture, event_body, event_key, event_lane
from .feed import FeedOptions, follow_events
from .picture_feed import PictureFeed


class EventSender(Protocol):
    """Delivers what waits in a queue, from a thread of its own."""

    failure: Exception | None
    """What ended the thread, None while all is well."""

    @property
    def counts(self) -> Mapping[str, int]:
        """What was delivered and what was refused."""
        ...

    def start(self) -> None: ...

    def take_status(self, status: StatusMessage) -> None:
        """Called with every status of the node."""
        ...

    def take_picture(self, message: DetectionMessage) -> None:
        """Called with pictures, while `wants_pictures`."""
        ...

    @property
    def wants_pictures(self) -> bool: ...

    def close(self) -> None:
        """Deliver what can be delivered in a moment, and end. The rest stays in the queue."""
        ...


class EventBridge:
    """Queues events until it is stopped.

    Args:
        feed: where events come from.
        queue: where they wait.
        sender: delivers them.
        kinds: which events; None for all.
        pictures: add the newest picture of its source to each event.
    """

    def __init__(
        self,
        feed: FeedOptions,
        queue: DiskQueue,
        sender: EventSender,
        kinds: Collection[EventKind] | None = None,
        *,
        pictures: bool = False,
    ) -> None:
        self.figures = BridgeFigures()
        self._feed = feed
        self._queue = queue
        self._sender = sender
        self._kinds = None if kinds is None else frozenset(kinds)
        self._adds_pictures = pictures
        self._newest: dict[str, EventPicture] = {}
        self._lock = threading.Lock()
        self._pictures = PictureFeed(feed, self._take_picture)

    def run(self, stop: Callable[[], bool]) -> None:
        """Queue events until `stop()`, or the end of all sources where `feed` says so, and deliver them meanwhile.

        Raises:
            SubscriberError: an address, a name or keys that cannot be used.
        """
        self._sender.start()
        try:
            counters = follow_events(self._feed, self._put, self._take_status, self._turn, stop)
        finally:
            self._pictures.close()
            self._sender.close()
        self.figures.gaps, self.figures.refused = counters.gaps, counters.refused
        for name, number in {**self._sender.counts, "dropped": self._queue.dropped}.items():
            self.figures.count(name, number)

    def _put(self, message: EventMessage) -> None:
        self.figures.received += 1
        if self._kinds is not None and message.event.kind not in self._kinds:
            return
        lane = event_lane(message)
        with self._lock:
            picture = self._newest.get(lane)
        self._queue.put(lane, event_key(message), event_body(message, picture))

    def _take_status(self, status: StatusMessage) -> None:
        self.figures.statuses += 1
        self._sender.take_status(status)

    def _take_picture(self, message: DetectionMessage) -> None:
        if self._adds_pictures and message.picture is not None:
            with self._lock:
                self._newest[f"{message.node}/{message.source}"] = EventPicture(message.seq, message.picture)
        self._sender.take_picture(message)

    def _turn(self) -> None:
        if self._sender.failure is not None:
            raise self._sender.failure
        self._pictures.want(self._adds_pictures or self._sender.wants_pictures)
