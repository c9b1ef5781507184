"""Subscribers that ask for more than any reader needs, beside an honest one."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.sockets.client_socket import ClientSocket
from groundcast.stream.sockets.token_bucket import TokenBucket
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections

from ..waiting import eventually
from .key_folder import make_keys

GOLDEN = decode_detections((Path(__file__).parent / "golden_live.msgpack").read_bytes())
Ask = Callable[[bytes], None]


@contextmanager
def client(address: str, keys: Path | None = None) -> Generator[zmq.Socket[bytes]]:
    """A socket that may ask a publisher for anything."""
    client = ClientSocket(zmq.XSUB, {zmq.SNDHWM: 0}, address, keys)
    yield client.socket
    client.close()


@pytest.fixture
def publisher() -> Generator[Publisher]:
    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), GOLDEN.node) as node:
        yield node


@contextmanager
def speaking(publisher: Publisher) -> Generator[None]:
    """Fifty messages a second."""
    stop = threading.Event()

    def speak() -> None:
        for seq in itertools.count(1):
            if stop.wait(0.02):
                return
            publisher.send_detections(replace(GOLDEN, seq=seq))

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def letters(publisher: Publisher) -> int:
    """How much the subscribers' prefixes hold together."""
    return publisher._subscriptions._size_bytes  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("kind", ["prefixes", "the same again", "nonsense"])
def test_a_flood_is_dropped_and_an_honest_reader_comes_back(publisher: Publisher, kind: str) -> None:
    requests: dict[str, Callable[[int], bytes]] = {
        "prefixes": lambda number: b"\x01%0300d" % number,
        "the same again": lambda _: b"\x01det/",
        "nonsense": lambda _: b"\x02nonsense",
    }
    with speaking(publisher), Subscriber(publisher.address, newest_only=False, timeout_s=20) as honest:
        next(honest)
        with client(publisher.address) as flooder:
            for number in range(25_000):
                flooder.send(requests[kind](number))
            assert eventually(lambda: publisher.rejected_connections["flood"] > 0)
        before = next(honest).seq
        assert eventually(lambda: letters(publisher) < 1000)  # what the flood left behind is forgotten
        assert eventually(lambda: next(honest).seq > before + 50)


def test_a_client_that_floods_with_a_key_is_rejected_and_the_others_are_not(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", "arm", "flooder")
    options = PublisherOptions("tcp://127.0.0.1:*", keys=keys)
    with (
        Publisher(options, GOLDEN.node) as publisher,
        speaking(publisher),
        Subscriber(publisher.address, keys=keys / "arm.key_secret", newest_only=False, timeout_s=20) as honest,
        client(publisher.address, keys / "flooder.key_secret") as flooder,
    ):
        next(honest)
        for number in range(1500):
            flooder.send(b"\x01%0300d" % number)
        assert eventually(lambda: publisher.rejected_connections["flood"] >= 2)  # dropped, came back, was not let in
        before = next(honest).seq
        assert eventually(lambda: next(honest).seq > before + 20)
        assert letters(publisher) < 1000


def test_a_thousand_honest_requests_are_no_flood(publisher: Publisher) -> None:
    publisher.send_detections(GOLDEN)
    with Subscriber(publisher.address, timeout_s=20) as first:
        assert next(first).seq == GOLDEN.seq  # there is something to answer with
    with client(publisher.address) as many:
        for number in range(1000):
            many.send(b"\x01snap/1/%016d-0123456789abcdef/" % number)
        got = 0
        while many.poll(1000):
            many.recv_multipart()
            got += 1
    assert publisher.rejected_connections["flood"] == 0
    assert 0 < got < 1000  # more answers at once would hold up the others


def test_a_request_too_long_for_a_topic_ends_its_connection(publisher: Publisher) -> None:
    with client(publisher.address) as flooder, Subscriber(publisher.address, timeout_s=20) as honest:
        for _ in range(100):
            flooder.send(b"\x01" + b"x" * 2000)
        time.sleep(0.3)
        publisher.send_detections(GOLDEN)
        assert next(honest).seq == GOLDEN.seq
        assert letters(publisher) < 1000


def test_a_token_bucket_is_spent_and_fills_again() -> None:
    bucket = TokenBucket(3, per_s=50)
    for _ in range(3):
        assert not bucket.is_spent
        bucket.spend()
    assert bucket.is_spent
    assert eventually(lambda: not bucket.is_spent)
    assert not bucket.is_full
    assert eventually(lambda: bucket.is_full)


def test_a_subscriber_of_the_oldest_protocol_of_which_nothing_is_known_ends_nothing(publisher: Publisher) -> None:
    port = int(publisher.address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as ancient:
        ancient.sendall(b"\x01\x00" + b"\x06\x00\x01det/")  # ZMTP 1.0: no name, then a subscription; no metadata
        assert publisher.wait_for_subscriber(20, lambda: False)
        with Subscriber(publisher.address, timeout_s=20) as honest:
            publisher.send_detections(GOLDEN)
            assert next(honest).seq == GOLDEN.seq
