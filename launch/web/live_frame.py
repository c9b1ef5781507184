"""Live frame: a message and its picture as the bytes of one WebSocket message, so that they cannot be parted."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ...stream.wire.message_types import DetectionMessage, EventMessage, StatusMessage

_LENGTH_BYTES = 4


def frame_bytes(message: DetectionMessage) -> bytes:
    """Four bytes of length (big endian), so many bytes of JSON, and the JPEG, which may be empty."""
    head = json.dumps(message_map(message), separators=(",", ":")).encode()
    return len(head).to_bytes(_LENGTH_BYTES, "big") + head + (message.picture or b"")


def message_map(message: DetectionMessage) -> dict[str, Any]:
    """A message for JSON, without its picture, with its age at this moment."""
    values = asdict(message)
    del values["picture"]
    # A browser's numbers are exact to 2**53 only.
    values["epoch"] = str(message.epoch)
    values["published_unix_ms"] = message.published_unix_ns / 1e6
    age_ms = message.age_ms_now()
    values["age_ms_now"] = None if age_ms is None else round(age_ms, 1)
    return {key: value for key, value in values.items() if value is not None}


def event_values(message: EventMessage) -> dict[str, Any]:
    """An event for JSON."""
    event = {key: value for key, value in asdict(message.event).items() if value is not None}
    captured = message.event.captured_unix_ns
    at_ms = (message.published_unix_ns if captured is None else captured) / 1e6
    key = f"{message.epoch} {message.source} {message.generation} {message.number}"
    return {"key": key, "source": message.source, "seq": message.seq, "at_unix_ms": at_ms, **event}


def status_values(status: StatusMessage) -> dict[str, Any]:
    """A status for JSON."""
    return {key: value for key, value in asdict(status).items() if value is not None and key != "epoch"}
