"""Texts as large as they may come, in every field of every request and in a camera's own words."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from typing import cast

import pytest

from groundcast.model.prompt import PromptError
from groundcast.stream.control.codec import RequestError, parse_request, refused
from groundcast.stream.control.requests import OPERATIONS
from groundcast.stream.control.source_settings import PromptSettings, to_prompt
from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.packing import pack

from .encoded_clips import encode_clip
from .rtsp_server import Behaviour, RtspServer
from .watched_reader import WatchedReader

SIZE = 250_000  # of a request of 256 KiB
MAX_HOLD_S = 0.25  # Ten times what the slowest takes; work that grows with the square takes seconds.
PIECES = ("a", "a ", "a. ", "b . ", "a,", "a@", "://", "?p=", "\0", "\n", "${", "\u00e9", "/", "-", "[", ";")
TEXTS = [*((piece * SIZE)[: SIZE // len(piece.encode())] for piece in PIECES), " . ".join(map(str, range(SIZE // 9)))]


def _read_s(values: Mapping[str, object]) -> float:
    """How long a request holds the interpreter, until it is refused or may be carried out. The better of two tries."""
    body, took_s = pack({"id": 1, **values}), math.inf
    for _ in range(2):
        began_s = time.thread_time()
        try:
            request = parse_request(body).request
            for name in ("prompt", "phrases"):
                if (said := getattr(request, name, None)) is not None:
                    to_prompt(cast("PromptSettings", said))
        except (RequestError, PromptError) as error:
            refused(1, "bad_request", str(error))
        took_s = min(took_s, time.thread_time() - began_s)
        if took_s < MAX_HOLD_S:
            break
    return took_s


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_text_in_a_request_holds_the_interpreter(operation: str) -> None:
    for field in OPERATIONS[operation].model_fields:
        for text in TEXTS:
            for value in (text, [text], {"name": text}, {"name": "a", "url": text}, [{"name": "a", "ask": [text]}]):
                assert _read_s({"op": operation, field: value}) < MAX_HOLD_S, (field, text[:20])


def test_no_number_of_values_in_a_request_holds_the_interpreter() -> None:
    many: dict[str, object] = {str(number): 0.5 for number in range(20_000)}
    asks = [{"name": str(number), "ask": ["b"] * 400} for number in range(100)]
    for values in (
        {"op": "status", **many},
        {"op": "set_thresholds", "thresholds": many},
        {"op": "add_source", "source": many},
    ):
        assert _read_s(values) < MAX_HOLD_S
    assert _read_s({"op": "set_prompt", "prompt": [str(number) for number in range(4000)]}) < MAX_HOLD_S
    assert _read_s({"op": "set_prompt", "prompt": asks}) < MAX_HOLD_S
    with contextlib.suppress(RequestError):
        parse_request(b"\x91" * SIZE)


def test_a_camera_that_names_itself_in_a_megabyte_holds_nothing_up() -> None:
    behaviour = Behaviour(session="a=b:" * 2**18)
    with (
        RtspServer(encode_clip(), behaviour=behaviour) as server,
        WatchedReader(SourceOptions("cam", server.url)) as watched,
    ):
        assert watched.until(lambda: bool(watched.taken) or watched.stats.error is not None)
        assert len(watched.stats.error or "") < 500
