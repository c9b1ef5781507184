"""The HTTP server of the health pages, asked over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from groundcast.launch.service import health_server
from groundcast.launch.service.health_server import HealthError, HealthServer, HttpPage, Pages

PAGES: Pages = {"/healthz": lambda accept: HttpPage(503, "text/plain", f"asked for {accept}".encode())}


@pytest.fixture
def server() -> Iterator[HealthServer]:
    with HealthServer("127.0.0.1:0", PAGES) as server:
        yield server


def port_of(server: HealthServer) -> int:
    return int(server.url.rpartition(":")[2])


def ask(server: HealthServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=10)
    connection.request(method, path, headers={"Accept": "a/b"})
    answer = connection.getresponse()
    said = answer.status, answer.read()
    connection.close()
    return said


def is_hung_up_on(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


def test_a_page_is_answered_whatever_follows_the_question_mark(server: HealthServer) -> None:
    assert ask(server, "/healthz") == (503, b"asked for a/b")
    assert ask(server, "/healthz?verbose") == (503, b"asked for a/b")
    assert ask(server, "/healthz", "HEAD") == (503, b"")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/", 404), ("GET", "/../healthz", 404), ("GET", "/healthz/", 404), ("POST", "/healthz", 405)],
)
def test_nothing_else_is(server: HealthServer, method: str, path: str, code: int) -> None:
    assert ask(server, path, method)[0] == code


def test_a_slow_client_is_hung_up_on(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_server, "_REQUEST_S", 0.2)
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=20) as slow:
        slow.sendall(b"GET /healthz HTTP/1.0\r\n")
        for _ in range(100):  # each read of the server's is in time, but all together are not
            time.sleep(0.1)
            try:
                slow.sendall(b"x: y\r\n")
            except OSError:
                break
        else:
            pytest.fail("a client that never ends its request was kept")

    assert ask(server, "/healthz")[0] == 503


def test_slow_connections_starve_no_probe(server: HealthServer) -> None:
    over = threading.Event()

    def be_slow() -> None:  # twelve connections that never end their request, each opened again when it is hung up on
        with ExitStack() as stack:
            slow = [stack.enter_context(_slow(server)) for _ in range(12)]
            while not over.wait(0.01):
                for number, one in enumerate(slow):
                    with contextlib.suppress(BlockingIOError):
                        if is_hung_up_on(one):
                            slow[number] = stack.enter_context(_slow(server))

    attacker = threading.Thread(target=be_slow)
    attacker.start()
    try:
        assert [ask(server, "/healthz")[0] for _ in range(18) if not time.sleep(0.03)] == [503] * 18
    finally:
        over.set()
        attacker.join()


def test_the_oldest_of_too_many_connections_makes_room_for_a_new_one(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_server, "_MAX_CONNECTIONS", 8)
    with ExitStack() as stack:
        waiting = [stack.enter_context(_slow(server)) for _ in range(8)]
        assert ask(server, "/healthz")[0] == 503
        waiting[0].setblocking(True)
        assert is_hung_up_on(waiting[0])
        with pytest.raises(BlockingIOError):
            is_hung_up_on(waiting[1])


def _slow(server: HealthServer) -> socket.socket:
    """A connection that has sent half a request."""
    client = socket.create_connection(("127.0.0.1", port_of(server)), timeout=20)
    client.sendall(b"GET /healthz HTTP/1.1\r\n")
    client.setblocking(False)
    return client


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:9108", 503),
        ("[::1]:9108", 503),
        ("LOCALHOST", 503),
        (socket.gethostname(), 503),
        ("evil.example:9108", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.1@evil.example", 421),
        ("[::1", 421),
        ("", 421),
        ("127.0.0.1\r\nHost: evil.example", 421),
    ],
)
def test_a_request_must_name_this_host(server: HealthServer, host: str, code: int) -> None:
    assert _ask_raw(server, f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n") == code


def test_a_request_of_the_old_kind_names_no_host(server: HealthServer) -> None:
    assert _ask_raw(server, "GET /healthz HTTP/1.0\r\n\r\n") == 503


def _ask_raw(server: HealthServer, request: str) -> int:
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=20) as client:
        client.sendall(request.encode())
        return int(client.makefile("rb").readline().split()[1])


def test_an_address_that_others_can_reach_needs_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(HealthError, match=r"bind to 127\.0\.0\.1, or set health\.insecure"):
        HealthServer("0.0.0.0:0", PAGES)

    with HealthServer("0.0.0.0:0", PAGES, insecure=True) as server:
        assert ask(server, "/healthz")[0] == 503
    assert "insecure: every client that can reach it can read" in caplog.text


def test_a_port_in_use_and_an_address_that_is_none_are_named(server: HealthServer) -> None:
    with pytest.raises(HealthError, match=f"127.0.0.1:{port_of(server)} cannot be used: Address already in use"):
        HealthServer(f"127.0.0.1:{port_of(server)}", PAGES)
    with pytest.raises(HealthError, match="must look like"):
        HealthServer("127.0.0.1:99999", PAGES)


def test_a_page_that_breaks_leaves_the_others_served(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_accept: str) -> HttpPage:
        raise RuntimeError("no figures")

    with HealthServer("[::1]:0", {"/metrics": broken, **PAGES}) as server:
        connection = http.client.HTTPConnection("::1", port_of(server), timeout=10)
        connection.request("GET", "/metrics")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()

    assert "no figures" in caplog.text
