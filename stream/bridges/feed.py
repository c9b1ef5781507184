"""Node feed: what a bridge receives from a node, for as long as the bridge runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..sockets.client_keys import Keys
from ..subscriber import Subscriber
from ..wire.message_types import DetectionMessage, StatusMessage

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
    """Receive every message in order until `stop()`, or the end of all sources.

    Args:
        on_turn: called after every message, and some twenty times a second.

    Raises:
        SubscriberError: a bad address or name; keys that are missing, damaged or open to others.
    """
    counters = FeedCounters()
    quiet_turns = 0
    while not stop():
        gaps, refused = counters.gaps, counters.refused
        with _subscriber(options, on_status) as subscriber:
            while not stop():
                try:
                    message = next(subscriber)
                except TimeoutError:
                    quiet_turns += 1
                    if quiet_turns == _HINT_AFTER_TURNS and not counters.messages:
                        _LOG.warning("%s", _quiet(options.address, subscriber))
                except StopIteration:  # every source has ended; the node may start again
                    break
                else:
                    counters.messages += 1
                    on_message(message)
                counters.gaps = gaps + subscriber.gaps
                counters.refused = refused + sum(subscriber.refused.values())
                on_turn()
            else:
                return counters
        if options.until_ended:
            break
    return counters


def _subscriber(options: FeedOptions, on_status: Callable[[StatusMessage], None]) -> Subscriber:
    return Subscriber(
        options.address,
        options.sources,
        node=options.node,
        newest_only=False,
        max_age_ms=options.max_age_ms,
        snapshot=False,
        timeout_s=_TURN_S,
        keys=options.keys,
        on_status=on_status,
    )


def _quiet(address: str, subscriber: Subscriber) -> str:
    if subscriber.statuses:
        return f"no detections came from {address} yet, statuses did (still waiting)"
    return f"no message came from {address} yet: {subscriber.refusal or 'is a node running there?'} (still waiting)"
