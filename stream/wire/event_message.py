"""Event encoding: an event message to msgpack bytes, and back. `event.schema.json` says the same."""

from __future__ import annotations

from typing import cast, get_args

from ..event import Direction, Event, EventKind
from ..track import Box
from .message_fields import Fields
from .message_identity import identity_map, open_message, read_identity
from .message_types import EventMessage
from .packing import pack

_KINDS: tuple[EventKind, ...] = get_args(EventKind)
_DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


def encode_event(message: EventMessage) -> bytes:
    """One message as bytes that `decode_event` accepts.

    Raises:
        MessageError: a value that cannot be sent (NaN, a numpy number, a bad name), named by its key.
    """
    values = event_message_map(message)
    _read_message(Fields(values))
    return pack(values)


def decode_event(body: bytes) -> EventMessage:
    """The message in `body`.

    Raises:
        MessageError: not msgpack, another major version, a missing key, a wrong type or range.
    """
    return _read_message(open_message(body))


def event_message_map(message: EventMessage) -> dict[str, object]:
    """The message as it is sent: maps, lists, texts and numbers alone, for JSON too."""
    values: dict[str, object] = {
        **identity_map(message),
        "number": message.number,
        "published_unix_ns": message.published_unix_ns,
    }
    if message.uncertain_since_unix_ns is not None:
        values["uncertain_since_unix_ns"] = message.uncertain_since_unix_ns
    return {**values, "replay": message.replay, "event": event_map(message.event)}


def event_map(event: Event) -> dict[str, object]:
    """An event without the keys that do not apply to it."""
    values: dict[str, object | None] = {
        "kind": event.kind,
        "time_s": event.time_s,
        "captured_unix_ns": event.captured_unix_ns,
        "place": event.place,
        "phrase": event.phrase,
        "object": event.object,
        "track_id": event.track_id,
        "track_uid": event.track_uid,
        "box_xyxy": None if event.box_xyxy is None else list(event.box_xyxy),
        "score": event.score,
        "direction": event.direction,
        "unseen": event.unseen or None,
        "seconds": event.seconds,
        "count": event.count,
        "previous": event.previous,
        "moved_px": None if event.moved_px is None else list(event.moved_px),
    }
    return {key: value for key, value in values.items() if value is not None}


def read_event(fields: Fields) -> Event:
    """The event in a map; raises MessageError."""
    return Event(
        kind=fields.word("kind", _KINDS),
        time_s=fields.number("time_s"),
        captured_unix_ns=fields.maybe(fields.integer, "captured_unix_ns"),
        place=fields.maybe(fields.text, "place"),
        phrase=fields.maybe(fields.text, "phrase"),
        object=fields.maybe(fields.text, "object"),
        track_id=fields.maybe(fields.integer, "track_id"),
        track_uid=fields.maybe(fields.text, "track_uid"),
        box_xyxy=fields.maybe(lambda key: cast("Box", fields.numbers(key, 4)), "box_xyxy"),
        score=fields.maybe(lambda key: fields.number(key, 0.0, 1.0), "score"),
        direction=fields.maybe(lambda key: _read_direction(fields, key), "direction"),
        unseen=fields.maybe(fields.flag, "unseen") or False,
        seconds=fields.maybe(lambda key: fields.number(key, minimum=0.0), "seconds"),
        count=fields.maybe(fields.integer, "count"),
        previous=fields.maybe(fields.integer, "previous"),
        moved_px=fields.maybe(lambda key: cast("tuple[float, float]", fields.numbers(key, 2)), "moved_px"),
    )


def _read_direction(fields: Fields, key: str) -> Direction:
    return fields.word(key, _DIRECTIONS)


def _read_message(fields: Fields) -> EventMessage:
    return EventMessage(
        **read_identity(fields, min_seq=0),
        number=fields.integer("number", minimum=1),
        published_unix_ns=fields.integer("published_unix_ns"),
        uncertain_since_unix_ns=fields.maybe(fields.integer, "uncertain_since_unix_ns"),
        replay=fields.flag("replay"),
        event=read_event(fields.fields("event")),
    )
