"""Masks on the wire: read back as sent, valid under the published schema, refused where damaged."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from groundcast.stream.track_mask import TrackMask
from groundcast.stream.wire import mask_message
from groundcast.stream.wire.mask_message import decode_masks, encode_masks
from groundcast.stream.wire.message_types import MaskMessage
from groundcast.stream.wire.packing import pack, unpack
from groundcast.stream.wire.topics import MessageError, mask_topic, parse_topic

SCHEMA: dict[str, Any] = json.loads((Path(mask_message.__file__).parent / "mask.schema.json").read_text())
MASK = TrackMask(17, (480, 640), b"Tag0T3l;000", 4000, 0.93, (50.0, 100.0, 90.0, 200.0))
MESSAGE = MaskMessage(
    node="bench", source="wrist", epoch=1_790_000_000_000_000_000, generation=1, seq=481,
    published_unix_ns=1_790_000_000_000_000_001, masker="tabletop", masks=(MASK, replace(MASK, track_id=18)),
)  # fmt: skip


def test_masks_are_read_back_as_sent() -> None:
    assert decode_masks(encode_masks(MESSAGE)) == MESSAGE
    assert decode_masks(encode_masks(replace(MESSAGE, masks=()))).masks == ()


def test_the_published_schema_describes_what_is_sent() -> None:
    values: Any = unpack(encode_masks(MESSAGE))

    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(values)
    assert set(SCHEMA["required"]) == set(values)
    assert set(SCHEMA["properties"]["masks"]["items"]["required"]) == set(values["masks"][0])


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("track_id", -1, "track_id must lie in"),
        ("size", [480], "size must have 2 entries"),
        ("size", [480, 0], "size must lie in 1"),
        ("size", [480, 70_000], "is no mask that may be sent"),
        ("rle", "text", "rle must be bytes"),
        ("rle", b"", "is no mask that may be sent"),
        ("area_px", 0, "area_px must lie in 1"),
        ("quality", 1.5, "quality must lie in"),
        ("box_xyxy", [1, 2, 3], "box_xyxy must have 4 entries"),
    ],
)
def test_a_damaged_mask_is_refused_by_its_key(key: str, value: object, why: str) -> None:
    values: Any = unpack(encode_masks(MESSAGE))
    values["masks"][1][key] = value

    with pytest.raises(MessageError, match=why):
        decode_masks(pack(values))


def test_another_major_version_is_refused_and_unknown_keys_are_ignored() -> None:
    values: Any = unpack(encode_masks(MESSAGE))

    assert decode_masks(pack({**values, "new": 1})) == MESSAGE
    with pytest.raises(MessageError, match="update the older one"):
        decode_masks(pack({**values, "schema": [2, 0]}))


def test_masks_have_a_topic_of_their_own() -> None:
    assert mask_topic("bench", "wrist") == b"mask/1/bench/wrist/"
    assert parse_topic(b"mask/1/bench/wrist/").kind == "mask"
