"""What an event message may say, byte by byte."""

# pyright: reportIndexIssue=false, reportCallIssue=false, reportArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import msgpack
import pytest
from jsonschema import Draft202012Validator

from groundcast.stream.event import Event, EventKind
from groundcast.stream.wire import message as door
from groundcast.stream.wire.event_message import decode_event, encode_event
from groundcast.stream.wire.message_types import EventMessage
from groundcast.stream.wire.topics import MessageError

GOLDEN = Path(__file__).parents[1] / "golden_event.msgpack"
SCHEMA = json.loads((Path(door.__file__).parent / "event.schema.json").read_text())
CROSS = EventMessage(
    node="shop-1",
    source="door",
    epoch=1790000000000000000,
    generation=1,
    seq=481,
    number=12,
    published_unix_ns=1790000016100000000,
    uncertain_since_unix_ns=1790000010000000000,
    event=Event(
        kind="cross",
        time_s=15.96,
        captured_unix_ns=1790000015960000000,
        place="entrance",
        phrase="person",
        object="shop-1/door/18d/1-17",
        track_id=19,
        track_uid="shop-1/door/18d/1-19",
        box_xyxy=(10.5, 20.0, 110.25, 220.0),
        score=0.91,
        direction="in",
    ),
)
FULL = replace(
    CROSS,
    uncertain_since_unix_ns=None,
    event=replace(CROSS.event, kind="moved", unseen=True, seconds=1.5, count=2, previous=1, moved_px=(3.0, -4.0)),
)
GAP = replace(CROSS, replay=True, event=Event(kind="gap", time_s=20.0, seconds=5.0))


def test_the_golden_bytes_are_read_and_written_as_ever() -> None:
    assert encode_event(CROSS) == GOLDEN.read_bytes()
    assert decode_event(GOLDEN.read_bytes()) == CROSS


@pytest.mark.parametrize("message", [CROSS, FULL, GAP], ids=["cross", "full", "gap"])
def test_what_is_sent_is_read_again_and_fits_the_schema(message: EventMessage) -> None:
    body = encode_event(message)

    assert decode_event(body) == message
    assert Draft202012Validator(SCHEMA).is_valid(msgpack.unpackb(body))


def test_the_schema_knows_every_kind() -> None:
    assert SCHEMA["properties"]["event"]["properties"]["kind"]["enum"] == list(get_args(EventKind))


def test_keys_of_a_later_version_are_left_out() -> None:
    values = {**values_of(CROSS), "schema": [1, 99], "later": 1}
    values["event"]["mood"] = "calm"

    assert decode_event(packed(values)) == CROSS


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("number", 0, "number"),
        ("node", "a/b", "name"),
        ("event", {"kind": "explode", "time_s": 1.0}, "event.kind"),
        ("event", {"kind": "gap"}, "event.time_s"),
        ("event", {"kind": "gap", "time_s": float("nan")}, "event.time_s"),
        ("event", {"kind": "cross", "time_s": 1.0, "direction": "up"}, "event.direction"),
        ("event", [1], "event"),
        ("schema", [2, 0], "schema"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(key: str, value: object, said: str) -> None:
    values = {**values_of(CROSS), key: value}

    with pytest.raises(MessageError, match=said):
        decode_event(packed(values))


def values_of(message: EventMessage) -> dict[str, Any]:
    return cast("dict[str, Any]", msgpack.unpackb(encode_event(message)))


def packed(values: dict[str, Any]) -> bytes:
    return cast("bytes", msgpack.packb(values))
