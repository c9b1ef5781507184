"""Event JSON: an event as MQTT and webhooks carry it, and the key that names it for ever."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from ..wire.event_message import event_message_map
from ..wire.message_types import EventMessage


@dataclass(frozen=True, slots=True)
class EventPicture:
    """A JPEG that goes with an event, and the `seq` of the frame that it shows."""

    seq: int
    jpeg: bytes


def event_key(message: EventMessage) -> str:
    """Equal when the same event is delivered again: a receiver leaves out what it has had."""
    return f"{message.node}/{message.source}/{message.epoch}/{message.generation}/{message.number}"


def event_lane(message: EventMessage) -> str:
    """Events of one lane are delivered in their order."""
    return f"{message.node}/{message.source}"


def event_body(message: EventMessage, picture: EventPicture | None = None) -> bytes:
    """The event as JSON: the map of its message, its key as `id`, its kind as `event_type`, and its picture."""
    values = {"id": event_key(message), "event_type": message.event.kind, **event_message_map(message)}
    if picture is not None:
        values["snapshot"] = {"seq": picture.seq, "jpeg_base64": base64.b64encode(picture.jpeg).decode()}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
