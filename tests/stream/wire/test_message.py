"""What a message may say, byte by byte."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import copy
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgpack
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from groundcast.stream.track import Track
from groundcast.stream.wire import message as door
from groundcast.stream.wire.message import decode_detections, decode_status, encode
from groundcast.stream.wire.message_types import (
    DetectionMessage,
    FrameInfo,
    ModelInfo,
    PromptInfo,
    StatusMessage,
    read_boot_id,
)
from groundcast.stream.wire.topics import MessageError, check_name, detections_topic

HERE = Path(__file__).parents[1]
STREAM = Path(door.__file__).parent

MATCHED = Track(
    id=17,
    uid="1790000000-17",
    phrase="red mug",
    score=0.91,
    box_xyxy=(10.5, 20.0, 110.25, 220.0),
    detected_xyxy=(11.0, 20.0, 111.0, 219.5),
    state="matched",
    first_seen_unix_ns=1790000001000000000,
    last_matched_unix_ns=1790000016000000000,
    age_s=15.0,
    misses=0,
    velocity_px_s=(-3.5, 0.0),
)
COASTING = replace(
    MATCHED,
    id=18,
    phrase="bolt",
    detected_xyxy=None,
    state="coasting",
    first_seen_unix_ns=None,
    last_matched_unix_ns=None,
    misses=4,
)
LIVE = DetectionMessage(
    node="bench-2",
    source="wrist",
    epoch=1790000000000000000,
    generation=1,
    seq=481,
    frame=FrameInfo(
        index=1933,
        width=1280,
        height=720,
        clock="rtcp",
        pts=5799000,
        time_base=(1, 90000),
        frame_id="wrist_optical",
        captured_unix_ns=1790000016000000000,
        captured_sent_unix_ns=1790000016120000001,
        captured_error_ms=20.0,
        age_ms=21.5,
    ),
    model=ModelInfo("tabletop", "bfloat16", "mean"),
    prompt=PromptInfo(3, "5f2c000000000000", ("red mug", "bolt")),
    tracks=(MATCHED, COASTING),
    published_unix_ns=1790000016021500000,
    published_monotonic_ns=86400000000000,
    boot_id="0f6e2f9c-6d53-4a5e-9a43-0c7ac3bb8f0e",
    stage_ms={"decode": 2.5, "wait": 0.5, "infer": 17.0, "track": 1.5},
    dropped=2,
    dropped_total=310,
)
FILE = replace(
    LIVE,
    frame=FrameInfo(index=0, width=640, height=480, clock="file", file="shelf 0.jpg"),
    tracks=(),
    boot_id="",
    stage_ms={},
    stale=True,
    replay=True,
)
STATUS = StatusMessage(
    node="bench-2",
    source="wrist",
    epoch=1790000000000000000,
    generation=1,
    seq=481,
    state="reconnecting",
    published_unix_ns=1790000016500000000,
    fps_in=29.97,
    fps_out=14.5,
    frames_decoded=1934,
    dropped_total=310,
    reconnects=2,
    corrupt=1,
    latency_ms={"p50": 20.0, "p95": 31.5, "p99": 40.0},
    prompt_version=3,
    stale_total=7,
    since_message_ms=812.5,
    paused=True,
    error="rtsp://camera-7/: no packet for 5 s",
    warning="the picture has not changed for 60 s",
    ended="at the end of the file",
)


def schema(name: str) -> Draft202012Validator:
    document = json.loads((STREAM / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def as_map(message: DetectionMessage | StatusMessage) -> dict[str, Any]:
    """What any other program would read."""
    return cast("dict[str, Any]", msgpack.unpackb(encode(message)))


def refusal(body: bytes) -> str:
    """What the reader says against these bytes, or "" if nothing."""
    try:
        decode_detections(body)
    except MessageError as error:
        return str(error)
    return ""


def packed(values: object) -> bytes:
    return cast("bytes", msgpack.packb(values))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a message stands."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in cast("Any", inner):
        yield (*path, key)
        yield from places(item, (*path, key))


@pytest.mark.parametrize(
    ("name", "message"),
    [("golden_live.msgpack", LIVE), ("golden_file.msgpack", FILE), ("golden_status.msgpack", STATUS)],
)
def test_bytes_on_the_wire_never_change(name: str, message: DetectionMessage | StatusMessage) -> None:
    golden = (HERE / name).read_bytes()
    assert encode(message) == golden
    decode = decode_status if isinstance(message, StatusMessage) else decode_detections
    assert decode(golden) == message


@pytest.mark.parametrize("message", [LIVE, FILE])
def test_published_schema_describes_the_detections(message: DetectionMessage) -> None:
    schema("message.schema.json").validate(as_map(message))


def test_published_schema_describes_the_status() -> None:
    schema("status.schema.json").validate(as_map(STATUS))
    bare = StatusMessage(node="n", source="s", epoch=1, generation=1, seq=0, state="connecting", published_unix_ns=1)
    schema("status.schema.json").validate(as_map(bare))
    assert decode_status(encode(bare)) == bare


def test_what_is_unknown_is_absent_and_only_a_coasting_box_is_null() -> None:
    assert set(as_map(FILE)["frame"]) == {"index", "width", "height", "clock", "file"}
    assert "boot_id" not in as_map(FILE)
    coasting = as_map(LIVE)["tracks"][1]
    assert coasting["detected_xyxy"] is None
    assert [key for key, value in coasting.items() if value is None] == ["detected_xyxy"]


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (replace(LIVE, tracks=(replace(MATCHED, score=math.nan),)), "score"),
        (replace(LIVE, tracks=(replace(MATCHED, box_xyxy=(0.0, 0.0, math.inf, 1.0)),)), "box_xyxy"),
        (replace(LIVE, tracks=(replace(MATCHED, velocity_px_s=(0.0, np.float32(1.0))),)), "velocity_px_s"),
        (replace(LIVE, stage_ms={"infer": math.nan}), "stage_ms"),
        (replace(LIVE, frame=replace(LIVE.frame, age_ms=-math.inf)), "frame.age_ms"),
        (replace(LIVE, frame=replace(LIVE.frame, frame_id="\udc80")), "packed"),
        (replace(LIVE, seq=0), "seq"),
        (replace(LIVE, seq=2**63), "seq"),
        (replace(LIVE, node="a/b"), "a/b"),
        (replace(STATUS, source=""), "''"),
        (replace(STATUS, fps_in=math.nan), "fps_in"),
    ],
)
def test_what_may_not_travel_is_refused_by_name(message: DetectionMessage | StatusMessage, key: str) -> None:
    with pytest.raises(MessageError, match=key):
        encode(message)


def test_text_from_elsewhere_never_keeps_a_status_from_being_sent() -> None:
    status = decode_status(encode(replace(STATUS, error="clip\udcff.mp4 " + "x" * 10_000)))
    assert status.error is not None
    assert status.error.startswith("clip?.mp4 xxx")


def test_missing_keys_are_named() -> None:
    values = as_map(replace(LIVE, tracks=(COASTING,)))
    for key in ("epoch", "frame", "prompt", "tracks", "schema"):
        with pytest.raises(MessageError, match=f"{key} is missing"):
            decode_detections(packed({k: v for k, v in values.items() if k != key}))
    del values["frame"]["width"]
    with pytest.raises(MessageError, match=r"frame\.width is missing"):
        decode_detections(packed(values))


def test_a_newer_minor_version_is_read_and_its_new_keys_are_ignored() -> None:
    values = as_map(LIVE)
    values["schema"] = [1, 7]
    for inner in (values, values["frame"], values["model"], values["prompt"], values["tracks"][0]):
        inner["new"] = {"what": [b"ever", None]}
    assert decode_detections(packed(values)) == LIVE


@pytest.mark.parametrize("version", [[2, 0], [0, 9], [1], [1, -1], ["1", "0"], [True, 0], 1, None])
def test_another_major_version_is_refused(version: object) -> None:
    with pytest.raises(MessageError, match="schema"):
        decode_detections(packed({**as_map(LIVE), "schema": version}))


def test_reader_and_published_schema_refuse_the_same_messages() -> None:
    validator = schema("message.schema.json")
    odd = [None, True, -1, 2**63, 0.5, "", "a/b", [], [1, 2], {"a": "b"}]
    whole = as_map(replace(LIVE, tracks=(MATCHED,)))
    refused = 0
    for path in places(whole):
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
    assert refused > 400


def test_damaged_bytes_are_read_or_refused_but_nothing_else_happens() -> None:
    dice = random.Random(1)
    whole = encode(LIVE)
    refused = 0
    for _ in range(4000):
        body = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(body))
            match dice.randrange(4):
                case 0:
                    body[at] = dice.randrange(256)
                case 1:
                    del body[at : at + dice.randint(1, 40)]
                case 2:
                    body[at:at] = dice.randbytes(dice.randint(1, 9))
                case _:
                    body = body[: at + 1]
        said = refusal(bytes(body))
        assert len(said) < 500
        refused += said != ""
    assert refused > 2000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x80",
        b"\x90",
        b"not msgpack at all",
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xdd\x7f\xff\xff\xff" * 500,
        packed(msgpack.Timestamp(1)),
        packed({1: 2, "schema": [1, 0]}),
        b"\x80" + bytes(9 * 2**20),
    ],
)
def test_garbage_is_refused_in_one_sentence(body: bytes) -> None:
    with pytest.raises(MessageError) as error:
        decode_detections(body)
    assert "\n" not in str(error.value)
    with pytest.raises(MessageError):
        decode_status(body)


def test_age_on_the_same_host_does_not_depend_on_the_wall_clock() -> None:
    message = replace(
        LIVE, boot_id=read_boot_id(), published_monotonic_ns=time.monotonic_ns() - 2_000_000_000, published_unix_ns=1
    )
    age_ms = message.age_ms_now()
    assert age_ms is not None
    assert 2021.0 < age_ms < 12_000
    assert 2000.0 < message.ms_since_published() < 12_000


def test_age_on_another_host_is_taken_on_the_wall_clock() -> None:
    taken_ns = time.time_ns() - 3_000_000_000
    message = replace(LIVE, boot_id="elsewhere", frame=replace(LIVE.frame, captured_unix_ns=taken_ns))
    age_ms = message.age_ms_now()
    assert age_ms is not None
    assert 3000.0 <= age_ms < 13_000


def test_the_age_of_a_file_is_unknown() -> None:
    assert FILE.age_ms_now() is None


@pytest.mark.parametrize("name", ["", "a/b", "cam 1", "cam1\n", "kamera-ä", "x" * 65])
def test_names_that_cannot_stand_in_a_topic_are_refused(name: str) -> None:
    with pytest.raises(MessageError, match="must be 1 to 64"):
        check_name(name)


def test_a_topic_is_no_prefix_of_a_longer_name() -> None:
    assert detections_topic("n", "cam1") == b"det/1/n/cam1/"
    assert not detections_topic("n", "cam10").startswith(detections_topic("n", "cam1"))
