"""Whatever an unknown client sends to the control socket is answered or dropped as documented, and changes nothing."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundcast.stream.control.requests import OPERATIONS
from groundcast.stream.control.server import ControlServer
from groundcast.stream.options import ControlOptions

from ..stream.plain_node import PlainNode

FEW, MANY = 100, 10_000
PING = 2**63 + 77  # an id that no strategy below comes upon
WORDS = st.sampled_from(
    [*OPERATIONS, "wrist", "rtsp://a/b", "red mug . bolt", "..", "\0", "x" * 5000, "a/b", "ä", "\U0001f41d"]
)
KEYS = st.sampled_from([
    *("id", "op", "prompt", "source", "if_version", "thresholds", "phrases", "seconds", "lease", "timeout_s"),
    *("name", "url", "ask", "threshold", "negative", "roi_xyxy", "loop", "__class__", ""),
])  # fmt: skip
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | WORDS
)
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5)
)
IDS = PLAIN | st.text(min_size=60, max_size=70) | NESTED
REST = st.dictionaries(KEYS, NESTED, max_size=4)
OPENINGS = (
    b"\x91",
    b"\x81\xa1a",
    b"\xdd\xff\xff\xff\xff",
)  # a list, a map, a list that says it has four billion entries
MAX_REQUEST_BYTES = 200_000  # what is longer than a request may be ends the connection


def packed(value: object) -> bytes:
    body = msgpack.packb(value)
    assert isinstance(body, bytes)
    return body


@st.composite
def almost(draw: st.DrawFn) -> dict[Any, Any]:
    """A request, but for some of its keys and values."""
    return {**draw(REST), "id": draw(IDS), "op": draw(st.sampled_from(list(OPERATIONS)) | NESTED)}


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A request or anything else, cut short or with a byte changed."""
    body = bytearray(packed(draw(almost() | NESTED)))
    if draw(st.booleans()):
        return bytes(body[: draw(st.integers(0, len(body)))])
    body[draw(st.integers(0, len(body) - 1))] ^= draw(st.integers(1, 255))
    return bytes(body)


@st.composite
def deep(draw: st.DrawFn) -> bytes:
    """Lists in lists in lists."""
    return draw(st.sampled_from(OPENINGS)) * draw(st.integers(1, MAX_REQUEST_BYTES // 5)) + draw(st.binary(max_size=3))


BODIES = st.binary(max_size=200) | (almost() | NESTED).map(packed) | damaged() | deep()
FRAMES = (BODIES.map(lambda body: [body]) | st.lists(BODIES, min_size=1, max_size=4)).filter(
    lambda frames: max(map(len, frames)) <= MAX_REQUEST_BYTES
)


class UnknownClient:
    """Sends to a real control socket, and reads what comes back."""

    def __init__(self) -> None:
        self.node = PlainNode("wrist", "shelf")
        self._context = zmq.Context()
        self.control = ControlServer(ControlOptions("tcp://127.0.0.1:*"))
        self.control.start(self.node, on_failure=lambda: None)
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.connect(self.control.address)

    def close(self) -> None:
        self.socket.close(linger=0)
        self._context.term()
        self.control.close()

    def send(self, frames: list[bytes]) -> list[dict[str, Any]]:
        """The answers to one message, which are there before that to a `status` sent after it."""
        self.socket.send_multipart(frames)
        self.socket.send(packed({"id": PING, "op": "status"}))
        answers: list[dict[str, Any]] = []
        while True:
            assert self.socket.poll(20_000), "the control socket is silent"
            *_, body = self.socket.recv_multipart()
            answer = msgpack.unpackb(body)
            if answer.get("id") == PING:
                assert answer["ok"]
                return answers
            answers.append(answer)


@pytest.fixture(scope="module")
def client() -> Iterator[UnknownClient]:
    client = UnknownClient()
    yield client
    client.close()


def answered_or_dropped(client: UnknownClient, frames: list[bytes]) -> None:
    """One message: at most one answer, and no change but by a request that was accepted."""
    node, dropped, done, version = (
        client.node,
        client.control.dropped,
        len(client.node.done),
        client.node.version,
    )
    is_request = len(frames) == 1 or (len(frames) == 2 and not frames[0])

    answers = [answer for answer in client.send(frames) if "event" not in answer]

    assert client.control.failure is None
    assert client.control.dropped - dropped == (not is_request)
    assert len(answers) == is_request
    if not any(answer["ok"] for answer in answers):
        assert (len(node.done), node.version) == (done, version)
    for answer in answers:
        assert answer["ok"] or answer["error"]["code"] not in ("failed", "busy")
        assert answer["ok"] or answer["error"]["message"]


@settings(
    max_examples=FEW, deadline=None, suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
)
@given(frames=FRAMES)
def test_whatever_comes_is_answered_or_dropped(client: UnknownClient, frames: list[bytes]) -> None:
    answered_or_dropped(client, frames)


@pytest.mark.slow
@settings(
    max_examples=MANY, deadline=None, suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
)
@given(frames=FRAMES)
def test_ten_thousand_messages_are_answered_or_dropped(client: UnknownClient, frames: list[bytes]) -> None:
    answered_or_dropped(client, frames)
