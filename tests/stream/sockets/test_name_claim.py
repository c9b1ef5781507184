"""Two nodes of one name, on one host and on one network. What is asked here stays on the loopback interface."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from groundcast.stream.sockets.discovery import GROUP, PORT, Discovery, by_index, interfaces_of
from groundcast.stream.sockets.name_claim import NameClaim, NameTakenError
from groundcast.stream.wire.packing import pack
from groundcast.stream.wire.topics import MAX_NAME_LENGTH

NAME = f"bench-{os.getpid()}"
LOOPBACK = [by_index(socket.if_nametoindex("lo"))]


def test_the_second_node_of_a_name_on_a_host_is_refused_with_a_sentence() -> None:
    with NameClaim(NAME, "tcp://127.0.0.1:5570"):
        with pytest.raises(NameTakenError, match=f"a node called {NAME} runs on this host already: stop it, or give"):
            NameClaim(NAME, "ipc:///tmp/other.sock")
        NameClaim(f"{NAME}-2", "tcp://127.0.0.1:5570").close()
    NameClaim(NAME, "tcp://127.0.0.1:5570").close()


def test_the_longest_name_that_a_node_may_have_can_be_claimed() -> None:
    NameClaim("n" * MAX_NAME_LENGTH, "tcp://127.0.0.1:5570").close()


def test_a_node_that_is_killed_leaves_its_name_free() -> None:
    program = (
        f"from groundcast.stream.sockets.name_claim import NameClaim; "
        f"c = NameClaim({NAME!r}, 'ipc:///x'); print(1); input()"
    )
    command = [sys.executable, "-c", program]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=paths) as node:
        assert node.stdout is not None
        assert node.stdout.read(2)
        with pytest.raises(NameTakenError):
            NameClaim(NAME, "ipc:///x")
        node.send_signal(signal.SIGKILL)
    NameClaim(NAME, "ipc:///x").close()


def test_a_node_on_the_network_answers_for_its_name_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    first, second, other = (Discovery(name, LOOPBACK) for name in (NAME, NAME, f"{NAME}-2"))
    try:
        begin_s = time.monotonic()
        assert first.ask() is None
        assert time.monotonic() - begin_s < 10.0
        assert second.ask() is not None
        assert other.ask() is None
    finally:
        for one in (first, second, other):
            one.close()
    assert len([record for record in caplog.records if "wants to start" in record.getMessage()]) == 1


def test_of_several_that_start_at_once_one_stays() -> None:
    nodes = [Discovery(NAME, LOOPBACK) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as together:
            answers = list(together.map(Discovery.ask, nodes))
    finally:
        for node in nodes:
            node.close()
    assert answers.count(None) == 1


def test_a_datagram_that_asks_for_no_name_is_not_answered() -> None:
    node = Discovery(NAME, LOOPBACK)
    try:
        assert node.ask() is None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(GROUP) + LOOPBACK[0])
            for body in (
                b"",
                b"\xc1",
                pack({"who": NAME}),
                pack({"groundcast": 1, "who": NAME, "token": 5}),
                b"x" * 5000,
            ):
                client.sendto(body, (GROUP, PORT))
            client.sendto(pack({"groundcast": 1, "who": NAME, "token": "ff" * 8}), (GROUP, PORT))
            client.settimeout(10)
            assert client.recv(512) == pack({"groundcast": 1, "here": NAME, "token": "ff" * 8})
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(512)
    finally:
        node.close()


def test_without_multicast_a_node_starts_all_the_same() -> None:
    node = Discovery(NAME, [by_index(999_999)])
    try:
        assert node.ask() is None
    finally:
        node.close()


def test_the_network_is_asked_only_where_it_can_hear() -> None:
    assert interfaces_of("tcp://127.0.0.1:5570") == interfaces_of("ipc:///run/node.sock") == ()
    assert interfaces_of("tcp://192.0.2.5:5570") == (bytes([192, 0, 2, 5]) + bytes(4),)
    everywhere = {by_index(index) for index, name in socket.if_nameindex() if name != "lo"}
    assert set(interfaces_of("tcp://*:5570")) == set(interfaces_of("tcp://0.0.0.0:5570")) == everywhere
