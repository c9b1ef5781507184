"""Connections of the HTTP server are bounded in number and time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from groundcast.launch.web import http_server
from groundcast.launch.web.access import AccessError, open_access
from groundcast.launch.web.http_server import bind_web_socket, url_of

from .running_app import RunningApp, running_app


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningApp]:
    monkeypatch.setattr(http_server, "_HEADER_S", 0.3)
    monkeypatch.setattr(http_server, "_MAX_CONNECTIONS", 20)
    routes = [Route("/", hello), WebSocketRoute("/echo", echo)]
    with running_app(Starlette(routes=routes), open_access("127.0.0.1:0")) as one:
        yield one


def open_socket(running: RunningApp) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=5.0)


def has_ended(client: socket.socket) -> bool:
    try:
        return client.recv(1000) == b""
    except ConnectionResetError:
        return True


def test_a_header_that_does_not_end_is_cut_off(running: RunningApp) -> None:
    with open_socket(running) as silent, open_socket(running) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost:")

        assert has_ended(silent)
        assert has_ended(slow)


def test_a_websocket_may_be_silent_for_longer_than_a_header_may_take(running: RunningApp) -> None:
    with connect(f"ws://127.0.0.1:{running.port}/echo") as client:
        time.sleep(0.8)
        client.send("a word")
        assert client.recv(timeout=20.0) == "a word"


def test_a_thousand_open_sockets_keep_no_request_out(running: RunningApp) -> None:
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(open_socket(running))

        assert running.ask("GET", "/").body == b"hello"


def test_an_address_in_use_is_named() -> None:
    with bind_web_socket(open_access("127.0.0.1:0")) as listener:
        port = listener.getsockname()[1]
        assert url_of(open_access(f"127.0.0.1:{port}"), listener) == f"http://127.0.0.1:{port}"

        with pytest.raises(AccessError, match=f"127.0.0.1:{port} cannot be used .*in use"):
            bind_web_socket(open_access(f"127.0.0.1:{port}"))


def test_a_connection_sends_at_once_what_it_has() -> None:
    listener = bind_web_socket(open_access("127.0.0.1:0"))
    with listener, socket.create_connection(listener.getsockname(), timeout=10.0):
        listener.setblocking(True)
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
