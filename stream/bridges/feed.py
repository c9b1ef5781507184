"""Node feed: what a bridge receives from a node, for as long as the bridge runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..sockets.client_keys import Keys
from ..subscriber import Subscriber
from ..wire.message_types import DetectionMessage, EventMessage, StatusMessage

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_TURN_S = 0.05
_HINT_AFTER_TURNS = 100


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Which messages a bridge receives.

    Args:
        address: where the node publishes.
        sources: their names, or None for all.
        node: the node's name, or None for any.
        keys: for a node that demands them.
        max_age_ms: as in `Subscriber`: messages that are older are not passed on.
        until_ended: stop when every source has ended; otherwise wait for the node to come back.
    """

    address: str
    sources: Sequence[str] | None = None
    node: str | None = None
    keys: Keys | None = None
    max_age_ms: float | None = None
    until_ended: bool = False


@dataclass(slots=True)
class FeedCounters:
    """What was received, and what was lost on the way or refused."""

    messages: int = 0
    gaps: int = 0
    refused: int = 0


def follow(
    options: FeedOptions,
    on_message: Callable[[DetectionMessage], None],
    on_status: Callable[[StatusMessage], None],
    on_turn: Callable[[], None],
    stop: Callable[[], bool],
) -> FeedCounters:
    """Receive every message of detections in order until `stop()`, or the end of all sources.

    Args:
        on_turn: called after every message, and some twenty times a second.

    Raises:
        SubscriberError: a bad address or name; keys that are missing, damaged or open to others.
    """

    def lost(subscriber: Subscriber) -> int:
        return subscriber.gaps

    return _follow(options, lambda: _subscriber(options, on_status), iter, lost, on_message, on_turn, stop)


def follow_events(
    options: FeedOptions,
    on_event: Callable[[EventMessage], None],
    on_status: Callable[[StatusMessage], None],
    on_turn: Callable[[], None],
    stop: Callable[[], bool],
) -> FeedCounters:
    """Receive every event in order, as `follow` does with detections."""

    def subscribed() -> Subscriber:
        return _subscriber(options, on_status, events=True)

    def lost(subscriber: Subscriber) -> int:
        return subscriber.event_gaps

    return _follow(options, subscribed, Subscriber.events, lost, on_event, on_turn, stop)


def _follow(
    options: FeedOptions,
    open_subscriber: Callable[[], Subscriber],
    messages: Callable[[Subscriber], Iterator[T]],
    lost: Callable[[Subscriber], int],
    on_message: Callable[[T], None],
    on_turn: Callable[[], None],
    stop: Callable[[], bool],
) -> FeedCounters:
    counters = FeedCounters()
    quiet_turns = 0
    while not stop():
        gaps, refused = counters.gaps, counters.refused
        with open_subscriber() as subscriber:
            for message in _in_turns(messages(subscriber)):
                if message is not None:
                    counters.messages += 1
                    on_message(message)
                elif not counters.messages:
                    quiet_turns += 1
                    if quiet_turns == _HINT_AFTER_TURNS and not subscriber.statuses:
                        _LOG.warning("%s", _quiet(options.address, subscriber))
                counters.gaps = gaps + lost(subscriber)
                counters.refused = refused + sum(subscriber.refused.values())
                on_turn()
                if stop():
                    return counters
        if options.until_ended:  # every source has ended; the node may start again
            break
    return counters


def _in_turns(messages: Iterator[T]) -> Iterator[T | None]:
    """Every message, and None where none came for a turn."""
    while True:
        try:
            yield next(messages)
        except TimeoutError:
            yield None
        except StopIteration:
            return


def _subscriber(
    options: FeedOptions, on_status: Callable[[StatusMessage], None], *, events: bool = False
) -> Subscriber:
    return Subscriber(
        options.address,
        options.sources,
        node=options.node,
        newest_only=False,
        max_age_ms=None if events else options.max_age_ms,
        snapshot=events,  # for the statuses
        detections=not events,
        events=events,
        timeout_s=_TURN_S,
        keys=options.keys,
        on_status=on_status,
    )


def _quiet(address: str, subscriber: Subscriber) -> str:
    return f"no message came from {address} yet: {subscriber.refusal or 'is a node running there?'} (still waiting)"
