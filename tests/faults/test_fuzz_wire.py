"""Whatever a forger publishes, or sends to a publisher, is counted and dropped, and honest messages go on."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgpack
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.subscribe.inbox import Inbox, Wanted
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections, decode_status, encode
from groundcast.stream.wire.message_types import DetectionMessage

from ..stream.key_folder import make_keys

FEW, MANY = 100, 10_000
STREAM = Path(__file__).parents[1] / "stream"
GOLDEN = decode_detections((STREAM / "golden_live.msgpack").read_bytes())
BODIES: list[dict[str, Any]] = [
    msgpack.unpackb((STREAM / f"golden_{name}.msgpack").read_bytes()) for name in ("live", "file", "status")
]
REQUEST = b"snap/1/0123456789abcdef/"
TOPICS = [b"det/1/bench-2/wrist/", b"sys/1/bench-2/wrist/", b"img/1/bench-2/wrist/", REQUEST + b"det/1/bench-2/wrist/"]
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.just("x" * 5000)
)
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5)
)


@st.composite
def forged(draw: st.DrawFn) -> bytes:
    """A message with some values in the place of others, some of them deep inside."""
    values = cast("dict[str, Any]", msgpack.unpackb(msgpack.packb(draw(st.sampled_from(BODIES)))))
    for _ in range(draw(st.integers(0, 3))):
        inside: Any = values
        while draw(st.booleans()) and (
            deeper := [value for value in _values(inside) if isinstance(value, dict | list)]
        ):
            inside = draw(st.sampled_from(deeper))
        places = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if places:
            inside[draw(st.sampled_from(places))] = draw(NESTED)
    return cast("bytes", msgpack.packb(values))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A message cut short, or with a byte changed."""
    body = bytearray(cast("bytes", msgpack.packb(draw(st.sampled_from(BODIES)))))
    if draw(st.booleans()):
        return bytes(body[: draw(st.integers(0, len(body)))])
    body[draw(st.integers(0, len(body) - 1))] ^= draw(st.integers(1, 255))
    return bytes(body)


def _values(inside: Any) -> list[Any]:
    return list(inside.values()) if isinstance(inside, dict) else list(inside)


BODY = forged() | damaged() | NESTED.map(cast("Any", msgpack.packb)) | st.binary(max_size=100)
TOPIC = st.sampled_from(TOPICS) | st.binary(max_size=40) | st.sampled_from(TOPICS).map(lambda topic: topic[:-1])
PARTS = st.tuples(TOPIC, BODY).map(list) | st.lists(TOPIC | BODY, min_size=1, max_size=4)
SETTINGS: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": (HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
}


class Reader:
    """An inbox that hears forgers, and one honest node."""

    def __init__(self) -> None:
        self._inbox = Inbox(Wanted(pictures=True, newest_only=False, max_age_ms=1e15, requests=(REQUEST,)))
        self._seqs = itertools.count(1)

    def hear(self, parts: list[bytes]) -> None:
        """Nothing that comes is an error, and what it leaves behind holds no honest message up."""
        inbox = self._inbox
        before = inbox.received, inbox.refused["malformed"]
        inbox.put(parts)
        assert before <= (inbox.received, inbox.refused["malformed"])
        inbox.take()
        honest = replace(GOLDEN, node="honest", seq=next(self._seqs))
        inbox.put([b"det/1/honest/wrist/", encode(honest)], now_ns=0)  # its picture is long overdue
        taken = list(iter(inbox.take, None))
        assert [message.seq for message in taken if message.node == "honest"] == [honest.seq]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


@settings(max_examples=FEW, **SETTINGS)
@given(parts=PARTS)
def test_whatever_is_published_is_counted_and_dropped(reader: Reader, parts: list[bytes]) -> None:
    reader.hear(parts)


@pytest.mark.slow
@settings(max_examples=MANY, **SETTINGS)
@given(parts=PARTS)
def test_ten_thousand_forgeries_are_counted_and_dropped(reader: Reader, parts: list[bytes]) -> None:
    reader.hear(parts)


class Forger:
    """Publishes anything on a real socket, to a real subscriber."""

    def __init__(self) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._subscriber = Subscriber(f"tcp://127.0.0.1:{port}", newest_only=False, snapshot=False, timeout_s=20)
        while self._socket.recv() != b"\x01det/1/":
            pass
        self._seqs = itertools.count(1)

    def close(self) -> None:
        self._subscriber.close()
        self._socket.close(linger=0)
        self._context.term()

    def publish(self, parts: list[bytes]) -> None:
        self._socket.send_multipart([TOPICS[0][:6] + parts[0], *parts[1:]])  # so that it is subscribed to
        self._socket.send_multipart(parts)
        honest = replace(GOLDEN, node="honest", seq=next(self._seqs))
        self._socket.send_multipart([b"det/1/honest/wrist/", encode(honest)])
        assert self._next_honest().seq == honest.seq

    def _next_honest(self) -> DetectionMessage:
        return next(message for message in self._subscriber if message.node == "honest")


@pytest.fixture(scope="module")
def forger() -> Iterator[Forger]:
    forger = Forger()
    yield forger
    forger.close()


@settings(max_examples=FEW, **SETTINGS)
@given(parts=PARTS)
def test_a_subscriber_outlives_what_is_sent_to_it(forger: Forger, parts: list[bytes]) -> None:
    forger.publish(parts)


@settings(max_examples=FEW, **SETTINGS)
@given(body=BODY)
def test_what_is_read_as_a_message_can_be_written_again(body: bytes) -> None:
    for read in (decode_detections, decode_status):
        try:
            message = read(body)
        except ValueError:
            continue
        assert read(encode(message)) == message


@pytest.fixture(scope="module", params=["keys", "no keys"])
def publisher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    keys = make_keys(tmp_path_factory.mktemp("node") / "keys") if request.param == "keys" else None
    with Publisher(PublisherOptions("tcp://127.0.0.1:*", keys=keys), "bench-2") as node:
        yield node


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00"
MECHANISMS = [mechanism.ljust(20, b"\0") for mechanism in (b"CURVE", b"NULL", b"PLAIN", b"")]
BYTES = st.binary(max_size=200) | st.tuples(
    st.just(GREETING), st.sampled_from(MECHANISMS), st.just(bytes(32)), st.binary(max_size=300)
).map(b"".join)


@settings(max_examples=100, **SETTINGS)
@given(said=BYTES)
def test_a_publisher_outlives_any_bytes_on_its_port(publisher: Publisher, said: bytes) -> None:
    port = int(publisher.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(said)
    publisher.send_detections(GOLDEN)  # raises if its thread has failed


@settings(max_examples=100, **SETTINGS)
@given(requests=st.lists(st.binary(max_size=600) | st.sampled_from(TOPICS), max_size=20))
def test_a_publisher_outlives_any_requests(requests: list[bytes]) -> None:
    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), "bench-2") as publisher, zmq.Context() as context:
        with context.socket(zmq.XSUB) as client:
            client.connect(publisher.address)
            for number, request in enumerate(requests):
                client.send(bytes([number % 3]) + request)
            client.close(linger=100)
        with Subscriber(publisher.address, timeout_s=20) as honest:
            assert publisher.wait_for_subscriber(20, lambda: False)
            end_s = time.monotonic() + 20
            while time.monotonic() < end_s:
                publisher.send_detections(GOLDEN)
                if next(honest).seq == GOLDEN.seq:
                    return
    raise AssertionError("nothing came")


@settings(max_examples=FEW, **SETTINGS)
@given(text=st.binary(max_size=300))
def test_a_key_file_holds_keys_or_is_refused(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    from groundcast.stream.sockets.key_files import KeyFileError, read_pair

    path = tmp_path_factory.getbasetemp() / f"fuzz-{os.getpid()}.key_secret"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError):
        read_pair(path)
