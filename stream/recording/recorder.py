"""Recorder: the loop that writes received messages into the recording."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..wire.header import StreamPosition, read_position
from ..wire.topics import MessageError
from .counters import RecordingCounters
from .event_recorder import EventRecorder
from .raw_subscriber import RawSubscriber
from .rotation import RotatingRecording

_LOG = logging.getLogger(__name__)
_CHECK_STOP_EVERY_S = 0.2
_MAX_TAIL_S = 1.0


def record(
    subscriber: RawSubscriber,
    recording: RotatingRecording,
    counters: RecordingCounters,
    stop: Callable[[], bool],
    events: EventRecorder | None = None,
) -> None:
    """Write received messages until `stop()`, and those that have arrived by then.

    Args:
        subscriber: receives them.
        recording: where they go.
        counters: count them.
        stop: called after every message and several times a second.
        events: stores events and counts; None stores none.

    Raises:
        RecordingWriteError: the disk is full or fails.
    """
    while not stop():
        _step(subscriber, recording, counters, events, _CHECK_STOP_EVERY_S)
    until_s = time.monotonic() + _MAX_TAIL_S
    while _step(subscriber, recording, counters, events, 0.0) and time.monotonic() < until_s:
        pass


def _step(
    subscriber: RawSubscriber,
    recording: RotatingRecording,
    counters: RecordingCounters,
    events: EventRecorder | None,
    wait_s: float,
) -> bool:
    """Write the next message; false if there was none."""
    message = subscriber.take(wait_s)
    if message is not None:
        _write(recording, counters, message[0], message[1:])
        if events is not None:
            events.take(message[0], message[1:])
    if events is not None:
        events.flush_when_due()
    recording.flush_when_due()
    return message is not None


def _write(recording: RotatingRecording, counters: RecordingCounters, topic: bytes, parts: tuple[bytes, ...]) -> None:
    position, fault = _position(topic, parts)
    try:
        published_ns, seq = (None, 0) if position is None else (position.published_unix_ns, position.seq)
        message = recording.put(topic, parts, published_ns, seq)
    except MessageError as error:  # another topic, or another number of parts: it cannot be recorded
        fault, counters.refused = str(error), counters.refused + 1
    else:
        counters.add(message, position)
    if fault and counters.malformed + counters.refused == 1:
        _LOG.warning("a message could not be read (this is logged once, the rest is counted): %s", fault)


def _position(topic: bytes, parts: tuple[bytes, ...]) -> tuple[StreamPosition | None, str]:
    try:
        return read_position(topic, parts), ""
    except MessageError as error:
        return None, str(error)
