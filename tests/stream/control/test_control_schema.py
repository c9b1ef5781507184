"""What the control socket's schema says, and what the socket does."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from groundcast.stream.control.codec import ErrorCode
from groundcast.stream.control.requests import OPERATIONS
from groundcast.stream.control.source_settings import PhraseSettings, SourceSettings

from ..plain_node import PlainNode
from ..published_schemas import definitions, is_valid
from ..raw_client import ASK, PHRASE, SOURCE, Connect

ANSWERS = {"status": "status_answer", "list": "list_answer", "picture": "picture_answer", "ask": "lease_answer"}
ZONE = {"name": "shelf", "polygon_px": [[0, 0], [64, 0], [64, 48]], "phrases": ["bolt"], "dwell_s": 60}
ZONE_M = {"name": "cell", "frame": "base", "polygon_m": [[0, 0], [0.5, 0], [0.5, -0.25]], "point": "position"}
LINE_M = {"name": "belt", "frame": "base", "points_m": [[0, 0], [0, 1.5]]}
LINE = {"name": "door", "points_px": [[0, 0], [64.5, 48]], "point": "bottom"}
GEOMETRY = {
    "camera": {"width": 640, "height": 480, "fx": 600, "fy": 600, "cx": 319.5, "cy": 239.5},
    "base_from_camera": {"translation_m": [0, 0, 1], "quaternion_xyzw": [1, 0, 0, 0]},
    "plane": {},
    "sizes": {"red mug": {"height_m": 0.1}},
}
GOOD: list[dict[str, Any]] = [
    {"op": "status"},
    {"op": "list"},
    {"op": "status", "skip": 1},
    {"op": "list", "skip": 2},
    {"op": "set_prompt", "prompt": "red mug . blue cube"},
    {"op": "set_prompt", "prompt": ["bolt", PHRASE, {"name": "table", "negative": True}], "source": "wrist"},
    {"op": "set_prompt", "prompt": "bolt", "everywhere": True},
    {"op": "set_thresholds", "thresholds": {"red mug": 0.5, "bolt": 1}},
    {"op": "add_source", "source": {**SOURCE, "roi_xyxy": [0, 0, 64, 48], "target_hz": 5, "prompt": ["bolt", PHRASE]}},
    {"op": "update_source", "source": {"name": "wrist", "target_hz": 2.5}},
    {"op": "put_zone", "source": "wrist", "zone": ZONE},
    {"op": "put_line", "source": "wrist", "line": LINE},
    {"op": "update_source", "source": {"name": "wrist", "geometry": GEOMETRY}},
    {"op": "put_zone", "source": "wrist", "zone": ZONE_M},
    {"op": "put_line", "source": "wrist", "line": LINE_M},
    {"op": "reset_tracks"},
    {"op": "pause", "source": "wrist"},
    {"op": "resume"},
    {"op": "picture", "source": "wrist", "timeout_s": 1},
    ASK,
    {**ASK, "phrases": "bolt . nut", "source": "wrist"},
    {"op": "release", "lease": "never there"},
    {"op": "remove_source", "source": "wrist"},
]
BAD: list[dict[str, Any]] = [
    {"op": "status", "source": "wrist"},
    {"op": "status", "skip": -1},
    {"op": "list", "skip": 257},
    {"op": "set_prompt"},
    {"op": "set_prompt", "prompt": 7},
    {"op": "set_prompt", "prompt": ["bolt", 7]},
    {"op": "set_prompt", "prompt": "bolt", "source": "a/b"},
    {"op": "set_prompt", "prompt": "bolt", "if_version": "1"},
    {"op": "set_prompt", "prompt": "bolt", "if_version": -1},
    {"op": "set_prompt", "prompt": "bolt", "everywhere": "wrist"},
    {"op": "set_thresholds", "thresholds": {}},
    {"op": "set_thresholds", "thresholds": {"bolt": 1.5}},
    {"op": "set_thresholds", "thresholds": {"bolt": "0.5"}},
    {"op": "add_source", "source": "door"},
    {"op": "add_source", "source": {"name": "door"}},
    {"op": "add_source", "source": {**SOURCE, "loop": 1}},
    {"op": "add_source", "source": {**SOURCE, "read_timeout_s": 0}},
    {"op": "add_source", "source": {**SOURCE, "read_timeout_s": 1e12}},
    {"op": "update_source", "source": {"name": "door", "open_timeout_s": 301}},
    {"op": "update_source", "source": {"target_hz": 5}},
    {"op": "update_source", "source": {"name": "wrist", "url": ""}},
    {"op": "remove_source", "source": None},
    {"op": "put_zone", "source": "wrist", "zone": {**ZONE, "polygon_px": [[0, 0], [9, 9]]}},
    {"op": "put_zone", "source": "wrist", "zone": {**ZONE, "colour": "red"}},
    {"op": "put_zone", "source": "wrist", "zone": {**ZONE, "frame": "base"}},
    {"op": "put_zone", "source": "wrist", "zone": {**ZONE_M, "frame": None}},
    {"op": "put_zone", "source": "wrist", "zone": {**ZONE_M, "point": "bottom"}},
    {"op": "put_zone", "source": "wrist", "zone": {**ZONE_M, "polygon_px": ZONE["polygon_px"]}},
    {"op": "put_line", "source": "wrist", "line": {**LINE, "point": "any"}},
    {"op": "put_line", "source": "wrist", "line": {**LINE, "point": "position"}},
    {"op": "put_line", "source": "wrist", "line": {**LINE_M, "points_m": [[0, 0]]}},
    {"op": "remove_place", "source": "wrist", "name": "a/b"},
    {"op": "update_source", "source": {"name": "wrist", "geometry": {"plane": {}}}},
    {"op": "update_source", "source": {"name": "wrist", "geometry": {**GEOMETRY, "camera": "wrist.yaml"}}},
    {"op": "update_source", "source": {"name": "wrist", "geometry": {**GEOMETRY, "noise": {"box_px": "2"}}}},
    {"op": "picture", "source": "wrist", "timeout_s": 11},
    {"op": "ask", "phrases": ["bolt"]},
    {"op": "ask", "phrases": ["bolt"], "seconds": True},
    {"op": "release", "lease": ""},
]


@pytest.mark.parametrize("request_map", GOOD, ids=lambda request: request["op"])
def test_every_request_is_carried_out_and_answered_as_the_schema_says(
    connect: Connect, request_map: dict[str, Any]
) -> None:
    answer = connect().answer(request_map)

    assert answer["ok"] is True
    assert is_valid(request_map["op"], {"id": 1, **request_map})
    assert is_valid(ANSWERS.get(request_map["op"], "applied_answer"), answer)
    assert is_valid("answer", answer)


@pytest.mark.parametrize("request_map", BAD, ids=str)
def test_what_is_no_request_is_refused_by_the_node_and_by_the_schema(
    connect: Connect, plain_node: PlainNode, request_map: dict[str, Any]
) -> None:
    answer = connect().answer(request_map)

    assert answer["error"]["code"] == "bad_request"
    assert is_valid("error_answer", answer)
    assert not is_valid("request", {"id": 1, **request_map})
    assert plain_node.done == []


def test_the_schema_knows_every_request_and_every_key() -> None:
    known = definitions()

    assert [one["$ref"].rpartition("/")[2] for one in known["request"]["oneOf"]] == list(OPERATIONS)
    for operation, model in OPERATIONS.items():
        assert set(known[operation]["properties"]) == {"id", "op", *model.model_fields}
        required = [name for name, field in model.model_fields.items() if field.is_required()]
        assert known[operation]["required"] == ["id", "op", *required]
    assert set(known["source"]["properties"]) == set(SourceSettings.model_fields)
    assert set(known["phrase"]["properties"]) == set(PhraseSettings.model_fields)
    assert set(known["error_answer"]["properties"]["error"]["properties"]["code"]["enum"]) == {
        code for part in get_args(ErrorCode) for code in (get_args(part) or (part,))
    }
