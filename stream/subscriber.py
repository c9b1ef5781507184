"""Subscriber: receives a node's messages. It needs pyzmq and msgpack alone."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import zmq

from .sockets.client_keys import Keys
from .subscribe.event_stream import EventStream
from .subscribe.inbox import Inbox, Wanted
from .subscribe.sub_socket import SubscriberError, check_names, subscribe, topics_of, wait_readable
from .wire.message_types import DetectionMessage, EventMessage, StatusMessage
from .wire.topics import snapshot_request

__all__ = ["Subscriber", "SubscriberError"]

_MAX_AT_ONCE = 10_000
_MAINTAIN_EVERY_MS = 1000  # the connection
_WAIT_MS = 20  # while a message waits for its picture


class Subscriber:
    """Detections of one node, as they come.

        for message in Subscriber("tcp://127.0.0.1:5570"):
            for track in message.tracks:
                print(track.phrase, track.box_xyxy)

    `async for` does the same. The loop ends when every wanted source has ended (without `sources`: every one that
    was received); ZeroMQ itself connects again when the node is restarted. Use it from one thread, and with `with` or
    `close()` where a program goes on after leaving the loop.

    Args:
        address: where the node publishes, such as tcp://127.0.0.1:5570.
        sources: their names, or None for all.
        node: the node's name, or None for any.
        newest_only: give only the newest message of each source, and count those in between as `skipped`;
            False gives every message in order.
        max_age_ms: refuse messages whose age and `captured_error_ms` together are more, that come from a clock which
            is this much ahead, are a replay or have no capture time. For programs that move an arm.
        max_sigma_m: replace positions that are less certain by `no_position="uncertain"`: those whose standard
            deviation along their least certain direction is more. It grows while a position is predicted.
        allow_unclocked: with `max_age_ms`, give messages without capture time (files); their age then counts from
            publication.
        snapshot: begin with the last message of each source, marked `replay`, however long ago it was sent.
        pictures: fill `message.picture` with the frame's JPEG. A message waits for it half a second at most; the
            node encodes pictures only while a client subscribes to them, so the first messages may have none.
        detections: False subscribes to no detections: statuses, which `on_status` has, come in any case.
        masks: fill `message.masks` with the pixels of its tracks, as `pictures` does. The node computes masks only
            while a client subscribes to them, and leaves frames out where it cannot keep up.
        events: subscribe to events, which `events()` gives.
        timeout_s: raise TimeoutError when no message was given for so long; None waits for ever.
        keys: for a node that demands them: the folder with our own key and the node's.
        on_status: called with every status, from within the loop.

    Raises:
        SubscriberError: a bad address, name or age; keys that are missing, damaged or open to others.
    """

    def __init__(
        self,
        address: str,
        sources: Sequence[str] | None = None,
        *,
        node: str | None = None,
        newest_only: bool = True,
        max_age_ms: float | None = None,
        max_sigma_m: float | None = None,
        allow_unclocked: bool = False,
        snapshot: bool = True,
        pictures: bool = False,
        detections: bool = True,
        events: bool = False,
        masks: bool = False,
        timeout_s: float | None = None,
        keys: Keys | None = None,
        on_status: Callable[[StatusMessage], None] | None = None,
    ) -> None:
        names = check_names(sources, node)
        if max_age_ms is not None and not max_age_ms >= 0:  # also refuses NaN
            raise SubscriberError(f"max_age_ms is {max_age_ms}: it must be 0 or more")
        if max_sigma_m is not None and not max_sigma_m > 0:
            raise SubscriberError(f"max_sigma_m is {max_sigma_m}: it must be more than 0, in metres")
        if timeout_s is not None and not timeout_s > 0:
            raise SubscriberError(f"timeout_s is {timeout_s}: it must be more than 0, or left out to wait for ever")
        nonce = secrets.token_hex(16)
        requests = tuple(snapshot_request(nonce, name) for name in names or (None,)) if snapshot else ()
        self.address = address
        self._timeout_s = timeout_s
        self._inbox = Inbox(
            Wanted(
                sources=None if names is None else frozenset(names),
                node=node,
                newest_only=newest_only,
                max_age_ms=max_age_ms,
                max_sigma_m=max_sigma_m,
                allow_unclocked=allow_unclocked,
                pictures=pictures,
                masks=masks,
                requests=requests,
            ),
            on_status,
        )
        # A node takes these in order, and may wait for a subscriber of detections before its first frame: status
        # before them, so that no status is missed, and the snapshot after them, so that no message is missed between.
        topics = [*topics_of("img", node, names)] if pictures else []
        topics += [*topics_of("mask", node, names)] if masks else []
        topics += [*topics_of("evt", node, names)] if events else []
        topics += [*topics_of("sys", node, names), *(topics_of("det", node, names) if detections else ()), *requests]
        self._client = subscribe(address, topics, _max_queued(newest_only, pictures), keys)
        self._socket = self._client.socket

    @property
    def gaps(self) -> int:
        """Messages that were lost on the way."""
        return self._inbox.gaps

    @property
    def event_gaps(self) -> int:
        """Events that were lost on the way."""
        return self._inbox.event_gaps

    @property
    def skipped(self) -> int:
        """Messages that a newer one replaced before the program took them (`newest_only`)."""
        return self._inbox.skipped

    @property
    def refused(self) -> Mapping[str, int]:
        """Messages that were not given, by reason: old, future, uncertain, unclocked, replay, repeated or malformed."""
        return dict(self._inbox.refused)

    @property
    def refusal(self) -> str | None:
        """Why the node rejects us, as the end of a sentence; None if it does not, or is not there."""
        return self._client.refusal

    @property
    def statuses(self) -> Mapping[str, StatusMessage]:
        """The last status of each source."""
        return dict(self._inbox.statuses)

    def events(self) -> EventStream:
        """The events (`events=True`), for `for` and `async for`, in their order, until every wanted source has ended.

        Detections that come meanwhile are left out: subscribe with `detections=False`.
        """
        return EventStream(self._next_event, self._wait_for_event)

    def close(self) -> None:
        """Close the connection. Twice does no harm."""
        self._client.close()

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_client"):  # a loop that was left early may hold the last reference
            self.close()

    def __iter__(self) -> Subscriber:
        return self

    def __next__(self) -> DetectionMessage:
        deadline_s = self._deadline_s()
        while (message := self._step()) is None:
            if self._is_over():
                raise StopIteration
            self._socket.poll(self._wait_ms(deadline_s))
        return message

    def __aiter__(self) -> Subscriber:
        return self

    async def __anext__(self) -> DetectionMessage:
        deadline_s = self._deadline_s()
        await asyncio.sleep(0)  # a flood of messages must not starve the program's other tasks
        while (message := self._step()) is None:
            if self._is_over():
                raise StopAsyncIteration
            await wait_readable(self._socket, self._wait_ms(deadline_s) / 1000)
        return message

    def _next_event(self) -> EventMessage | None:
        deadline_s = self._deadline_s()
        while (event := self._take_event()) is None:
            if self._is_over():
                return None
            self._socket.poll(self._wait_ms(deadline_s))
        return event

    async def _wait_for_event(self) -> EventMessage | None:
        deadline_s = self._deadline_s()
        await asyncio.sleep(0)
        while (event := self._take_event()) is None:
            if self._is_over():
                return None
            await wait_readable(self._socket, self._wait_ms(deadline_s) / 1000)
        return event

    def _take_event(self) -> EventMessage | None:
        """Take what has arrived, and return the next event."""
        if (event := self._inbox.take_event()) is not None:
            return event
        self._step()  # whose detections the program does not want
        return self._inbox.take_event()

    def _step(self) -> DetectionMessage | None:
        """Take what has arrived, and return the next message."""
        if self._socket.closed:
            return None
        for _ in range(_MAX_AT_ONCE):
            if self._inbox.is_full:
                break
            try:
                self._inbox.put(self._socket.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                break
        return self._inbox.take()

    def _is_over(self) -> bool:
        if self._inbox.is_finished:
            self.close()
        return self._socket.closed

    def _deadline_s(self) -> float | None:
        return None if self._timeout_s is None else time.monotonic() + self._timeout_s

    def _wait_ms(self, deadline_s: float | None) -> int:
        self._client.maintain()
        waits_ms = [_WAIT_MS if self._inbox.is_waiting else _MAINTAIN_EVERY_MS]
        if deadline_s is not None:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(self._timeout_text())
            waits_ms.append(int(left_s * 1000) + 1)
        return min(waits_ms)

    def _timeout_text(self) -> str:
        text = f"nothing was let through from {self.address} for {self._timeout_s:g} s"
        if not self._inbox.received and not self._inbox.refused:
            return f"{text}: {self.refusal or 'is a node running there?'}"
        details = [self.refusal] if self.refusal else []
        details += [f"{count} {reason}" for reason, count in self._inbox.refused.items()]
        details += [
            f"source {status.source} is {status.state}" + (f" ({status.error})" if status.error else "")
            for status in self._inbox.statuses.values()
        ]
        return f"{text}: {', '.join(details) or 'no detections came'}"


def _max_queued(newest_only: bool, pictures: bool) -> int:
    if pictures:
        return 256
    return 10_000 if newest_only else 100_000
