"""The largest messages of a node, and what they say of tracks for which there was no room."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgpack
from jsonschema import Draft202012Validator

from groundcast.model.prompt import MAX_PHRASES
from groundcast.stream.tracking.tracker import MAX_TRACKS
from groundcast.stream.wire import message as door
from groundcast.stream.wire.message import decode_detections, encode
from groundcast.stream.wire.packing import MAX_BODY_BYTES

_LIVE = decode_detections((Path(__file__).parents[1] / "golden_live.msgpack").read_bytes())


def test_tracks_that_were_left_out_are_counted_and_none_is_absent() -> None:
    crowd = replace(_LIVE, tracks_left_out=3767)
    schema = json.loads((Path(door.__file__).parent / "message.schema.json").read_text())
    Draft202012Validator(schema).validate(msgpack.unpackb(encode(crowd)))
    assert decode_detections(encode(crowd)) == crowd
    assert "tracks_left_out" not in msgpack.unpackb(encode(_LIVE))


def test_the_largest_messages_of_a_node_can_travel() -> None:
    phrases = tuple(f"{index:04}".ljust(200, "\u8272") for index in range(MAX_PHRASES))
    wide = replace(_LIVE.tracks[0], uid="n" * 200, phrase=phrases[0])
    largest = replace(_LIVE, prompt=replace(_LIVE.prompt, phrases=phrases), tracks=(wide,) * MAX_TRACKS)
    assert len(encode(largest)) < MAX_BODY_BYTES // 2
