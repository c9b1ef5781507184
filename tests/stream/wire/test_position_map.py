"""Positions on the wire: their bytes, their published schema, and what is refused."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest

from groundcast.stream.position import CameraPose, Position
from groundcast.stream.wire.message import decode_detections, encode
from groundcast.stream.wire.topics import MessageError

from .test_message import COASTING, HERE, LIVE, MATCHED, as_map, packed, places, refusal, schema

POSITION = Position(
    frame="base",
    xyz_m=(0.5, -0.125, 0.0625),
    covariance_m2=(4e-06, 0.0, -1e-06, 9e-06, 0.0, 16e-06),
    method="depth",
    velocity_m_s=(0.0, 0.25, 0.0),
    valid_share=0.875,
)
PLACED = replace(
    LIVE,
    frame=replace(
        LIVE.frame,
        pose=CameraPose("base", (0.5, -0.25, 1.125), (1.0, 0.0, 0.0, 0.0), gap_ms=4.0),
        calibration="9b1f3c00d2e4a577",
    ),
    tracks=(replace(MATCHED, position=POSITION), replace(COASTING, no_position="not_seen")),
)


def test_bytes_of_positions_never_change() -> None:
    golden = (HERE / "golden_positions.msgpack").read_bytes()
    assert encode(PLACED) == golden
    assert decode_detections(golden) == PLACED


def test_the_published_schema_describes_positions() -> None:
    predicted = replace(POSITION, velocity_m_s=None, valid_share=None, method="plane", predicted_s=0.25)
    bare = replace(
        PLACED,
        frame=replace(LIVE.frame, pose=CameraPose("base", (0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)), calibration="a"),
        tracks=(replace(MATCHED, position=predicted),),
    )
    for message in (PLACED, bare):
        schema("message.schema.json").validate(as_map(message))
        assert decode_detections(encode(message)) == message


@pytest.mark.parametrize(
    "position",
    [
        replace(POSITION, xyz_m=(0.0, math.nan, 0.0)),
        replace(POSITION, covariance_m2=(-1e-9, 0.0, 0.0, 1.0, 0.0, 1.0)),
        replace(POSITION, velocity_m_s=(0.0, math.inf, 0.0)),
        replace(POSITION, valid_share=1.5),
        replace(POSITION, predicted_s=-0.1),
    ],
)
def test_a_position_that_cannot_be_is_never_sent(position: Position) -> None:
    with pytest.raises(MessageError, match="position"):
        encode(replace(PLACED, tracks=(replace(MATCHED, position=position),)))


def test_reader_and_published_schema_refuse_the_same_positions() -> None:
    validator = schema("message.schema.json")
    odd = [None, -1, "", [1, 2, 3]]
    whole = as_map(replace(PLACED, tracks=PLACED.tracks[:1]))
    new = [
        path
        for path in places(whole)
        if path[0] in ("frame", "tracks") and {"pose", "position", "calibration"} & {*path}
    ]
    refused = 0
    for path in new:
        for value in [*odd, KeyError]:
            changed = copy.deepcopy(whole)
            inner: Any = changed
            for key in path[:-1]:
                inner = inner[key]
            if value is KeyError:
                del inner[path[-1]]
            else:
                inner[path[-1]] = value
            is_refused = refusal(packed(changed)) != ""
            assert is_refused != validator.is_valid(changed), (path, value)
            refused += is_refused
    assert refused > 60
