"""What nodes said before the newest minor version is read as they meant it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from groundcast.stream.wire.message import decode_detections, decode_status
from groundcast.stream.wire.message_fields import Fields
from groundcast.stream.wire.packing import unpack

HERE = Path(__file__).parents[1]


def stored(name: str) -> bytes:
    return (HERE / name).read_bytes()


def fields(name: str) -> Fields:
    return Fields(unpack(stored(name)))


def test_a_status_without_the_newer_keys_is_read() -> None:
    newest = decode_status(stored("golden_status.msgpack"))
    older = decode_status(stored("golden_status_1_0.msgpack"))
    assert older == replace(newest, stale_total=0, since_message_ms=None, paused=False)
    added = set(fields("golden_status.msgpack").names()) - set(fields("golden_status_1_0.msgpack").names())
    assert added == {"stale_total", "since_message_ms", "paused"}


def test_a_reader_of_the_first_version_finds_all_that_it_knows_beside_positions() -> None:
    first, placed = fields("golden_live_1_0.msgpack"), fields("golden_positions.msgpack")
    assert set(first.names()) <= set(placed.names())
    assert set(first.fields("frame").names()) <= set(placed.fields("frame").names())
    known, now = (Fields(one.items("tracks")[0]) for one in (first, placed))
    assert set(now.names()) - set(known.names()) == {"position"}
    assert all(now.anything(key) == known.anything(key) for key in known.names())


def test_detections_without_the_newer_keys_are_read() -> None:
    newest = decode_detections(stored("golden_live.msgpack"))
    older = decode_detections(stored("golden_live_1_0.msgpack"))
    assert older == replace(newest, frame=replace(newest.frame, captured_sent_unix_ns=None))
    newer, before = fields("golden_live.msgpack").fields("frame"), fields("golden_live_1_0.msgpack").fields("frame")
    assert set(newer.names()) - set(before.names()) == {"captured_sent_unix_ns"}
