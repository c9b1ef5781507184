"""The recorder's loop: from the wire into the file, message by message."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..wire.header import StreamPosition, read_stamp
from ..wire.topics import MessageError
from .counters import RecordingCounters
from .raw_subscriber import RawSubscriber
from .rotation import RotatingRecording

_LOG = logging.getLogger(__name__)
_ASK_EVERY_S = 0.2
_MAX_TAIL_S = 1.0


def record(
    tap: RawSubscriber, recording: RotatingRecording, tally: RecordingCounters, stop: Callable[[], bool]
) -> None:
    """Write what is heard until `stop()`; what had arrived by then is written too.

    Args:
        stop: asked after every message and several times a second.

    Raises:
        RecordingWriteError: the disk takes no more.
    """
    while not stop():
        _step(tap, recording, tally, _ASK_EVERY_S)
    until_s = time.monotonic() + _MAX_TAIL_S
    while _step(tap, recording, tally, 0.0) and time.monotonic() < until_s:
        pass


def _step(tap: RawSubscriber, recording: RotatingRecording, tally: RecordingCounters, wait_s: float) -> bool:
    """Write the next message; false if there was none."""
    heard = tap.take(wait_s)
    if heard is not None:
        _keep(recording, tally, heard[0], heard[1:])
    recording.flush_when_due()
    return heard is not None


def _keep(recording: RotatingRecording, tally: RecordingCounters, topic: bytes, parts: tuple[bytes, ...]) -> None:
    stamp, fault = _stamp(topic, parts)
    try:
        published_ns, seq = (None, 0) if stamp is None else (stamp.published_unix_ns, stamp.seq)
        message = recording.put(topic, parts, published_ns, seq)
    except MessageError as error:  # not even a topic, or not its number of parts: there is no place for it
        fault, tally.refused = str(error), tally.refused + 1
    else:
        tally.add(message, stamp)
    if fault and tally.malformed + tally.refused == 1:
        _LOG.warning("a message was not understood (this is said once, the rest is counted): %s", fault)


def _stamp(topic: bytes, parts: tuple[bytes, ...]) -> tuple[StreamPosition | None, str]:
    try:
        return read_stamp(topic, parts), ""
    except MessageError as error:
        return None, str(error)
