"""Pictures that clients wait for: one for all who ask, and an answer in time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from groundcast.stream.frame import Frame
from groundcast.stream.node.node_api import CommandError
from groundcast.stream.node.picture_requests import PictureRequests
from groundcast.stream.wire.message import decode_detections

MESSAGE = decode_detections((Path(__file__).parents[1] / "golden_live.msgpack").read_bytes())
FRAME = Frame(
    source="wrist",
    generation=1,
    index=0,
    pts=None,
    time_base=(1, 25),
    time_s=0.0,
    captured_unix_ns=None,
    clock="file",
    captured_error_ms=None,
    received_ns=0,
    decoded_ns=0,
    frame_id=None,
    image=np.zeros((48, 64, 3), np.uint8),
)


def test_all_who_wait_for_a_source_get_one_jpeg_of_its_next_frame() -> None:
    requests = PictureRequests(jpeg_quality=85)
    first, second = requests.ask("wrist", 2.0, 0.0), requests.ask("wrist", 5.0, 1.0)
    other = requests.ask("shelf", 5.0, 1.0)

    requests.answer("wrist", FRAME, replace(MESSAGE, seq=7))

    assert first.result(0).jpeg() is second.result(0).jpeg()
    assert first.result(0).message.seq == 7
    assert not other.done()


def test_who_waits_is_answered_when_the_time_is_over() -> None:
    requests = PictureRequests(jpeg_quality=85)
    early, late = requests.ask("wrist", 2.0, 100.0), requests.ask("wrist", 5.0, 100.0)

    requests.expire(102.0)

    with pytest.raises(CommandError, match="gave no picture within 2 s"):
        early.result(0)
    assert not late.done()


def test_who_waits_cannot_break_the_loop_by_waiting_no_longer() -> None:
    requests = PictureRequests(jpeg_quality=85)
    request = requests.ask("wrist", 2.0, 0.0)
    assert not request.cancel()
    requests.refuse_all(CommandError("stopped", "the node has ended"))
    with pytest.raises(CommandError, match="has ended"):
        request.result(0)
