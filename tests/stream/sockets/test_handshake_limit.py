"""Connections that show no key, at a socket that demands one."""

from __future__ import annotations

import itertools
import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.sockets.handshake_limit import HandshakeLimit
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections

from ...waiting import eventually
from ..key_folder import make_keys

GOLDEN = decode_detections((Path(__file__).parents[1] / "golden_live.msgpack").read_bytes())
MORE = 40


@pytest.mark.parametrize("said", [b"", b"\xff" + b"\0" * 8 + b"\x7f\x03\x00CURVE" + b"\0" * 47])
def test_connections_without_a_key_are_hung_up_on_where_they_are_too_many(tmp_path: Path, said: bytes) -> None:
    keys, most = make_keys(tmp_path / "keys", "arm"), _most_of_an_address()
    with Publisher(PublisherOptions("tcp://127.0.0.1:*", keys=keys), GOLDEN.node) as publisher, ExitStack() as stack:
        port, seqs = int(publisher.address.rpartition(":")[2]), itertools.count(1)

        def speak() -> int:
            publisher.send_detections(replace(GOLDEN, seq=next(seqs)))
            return next(early).seq

        early = stack.enter_context(Subscriber(publisher.address, keys=keys, newest_only=False, timeout_s=20))
        assert publisher.wait_for_subscriber(20, lambda: False)
        rejected_connections = [stack.enter_context(_client(port, said)) for _ in range(most + MORE)]
        over: list[bool] = []

        def are_fewer() -> bool:
            over[:] = [_is_over(one) for one in rejected_connections]
            return speak() > 0 and sum(over) >= MORE

        assert eventually(are_fewer)
        assert (over[0], over[-1]) == (True, False)  # the oldest first
        assert publisher.rejected_connections["too_many"] >= MORE
        late = stack.enter_context(Subscriber(publisher.address, keys=keys, timeout_s=0.1))
        assert eventually(lambda: speak() > 0 and _hears(late))
        assert early.gaps == 0


def test_clients_with_allowed_keys_are_not_counted(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", "arm")
    with Publisher(PublisherOptions("tcp://127.0.0.1:*", keys=keys), GOLDEN.node) as publisher, ExitStack() as stack:
        readers = [stack.enter_context(Subscriber(publisher.address, keys=keys, timeout_s=20)) for _ in range(12)]
        assert eventually(lambda: publisher.send_detections(GOLDEN) is None and all(_hears(one) for one in readers))
        assert set(publisher.rejected_connections.values()) == {0}


def _most_of_an_address() -> int:
    limit = HandshakeLimit(1)
    limit.close()
    return limit.max_of_address


def _client(port: int, said: bytes) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), timeout=20)
    one.sendall(said)
    one.setblocking(False)
    return one


def _is_over(one: socket.socket) -> bool:
    try:
        while one.recv(1024):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _hears(subscriber: Subscriber) -> bool:
    try:
        next(subscriber)
    except TimeoutError:
        return False
    return True
