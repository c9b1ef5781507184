"""What the guard refuses never reaches the application, and each refusal has a status and a sentence."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from groundcast.launch.web.access import open_access
from groundcast.launch.web.guard import Guard
from groundcast.launch.web.request_limits import LimitedBody, RequestLimits
from groundcast.launch.web.token_file import read_token

from ...waiting import eventually
from .running_app import Answer, RunningApp, running_app


async def echo(request: Request) -> Response:
    return PlainTextResponse(f"{request.method} {len(await request.body())}")


async def fail(request: Request) -> Response:
    raise RuntimeError("planted")


async def greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


def app() -> Starlette:
    return Starlette(
        routes=[
            Route("/", echo, methods=["GET", "POST"]),
            Route("/open", echo),
            Route("/fail", fail),
            WebSocketRoute("/live", greet),
        ]
    )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningApp, str]]:
    path = tmp_path_factory.mktemp("token") / "token"
    token = read_token(path)
    access = open_access("127.0.0.1:0", token_file=path)
    limits = RequestLimits(body_bytes=1000, body_s=0.5, requests_per_s=None)
    with running_app(Guard(app(), access, limits, public={"/open"}), access) as running:
        yield running, token


def sentence(answer: Answer) -> str:
    return json.loads(answer.body)["error"]["message"]


def test_a_request_with_the_token_reaches_the_application(guarded: tuple[RunningApp, str]) -> None:
    running, token = guarded

    answer = running.ask("POST", "/", b"x" * 1000, authorization=f"Bearer {token}")

    assert (answer.status, answer.body) == (200, b"POST 1000")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


def test_without_the_token_only_public_paths_are_answered(guarded: tuple[RunningApp, str]) -> None:
    running, _ = guarded

    refused, wrong = running.ask("GET", "/"), running.ask("GET", "/", authorization="Bearer wrong")

    assert (refused.status, wrong.status, running.ask("GET", "/open").status) == (401, 401, 200)
    assert "token is wanted" in sentence(refused)
    assert "token is wrong" in sentence(wrong)


def test_a_wrong_host_and_a_wrong_origin_are_refused_even_with_the_token(guarded: tuple[RunningApp, str]) -> None:
    running, token = guarded
    known, own = f"Bearer {token}", f"http://127.0.0.1:{running.port}"

    assert running.ask("GET", "/", host="evil.example", authorization=known).status == 421
    assert running.ask("POST", "/", b"", origin="http://evil.example", authorization=known).status == 403
    assert running.ask("POST", "/", b"", origin=own, authorization=known).status == 200


def test_a_body_that_is_too_large_is_refused_by_its_length_and_by_its_bytes(guarded: tuple[RunningApp, str]) -> None:
    running, token = guarded

    stated = running.ask("POST", "/", b"x" * 1001, authorization=f"Bearer {token}")

    assert stated.status == 413
    assert "larger than 0.977 KiB" in sentence(stated)
    assert b" 413 " in send_raw(
        running, token, b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"x" * 1000 + b"\r\n5\r\nxxxxx\r\n"
    )


def test_a_body_that_stays_out_is_refused_in_time(guarded: tuple[RunningApp, str]) -> None:
    running, token = guarded
    began_s = time.monotonic()

    said = send_raw(running, token, b"Content-Length: 10\r\n\r\nxxx")

    assert b" 408 " in said
    assert b"did not arrive within 0.5 s" in said
    assert time.monotonic() - began_s < 9


async def test_a_cancellation_that_comes_with_the_body_is_not_lost() -> None:
    arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive() -> MutableMapping[str, Any]:
        await arrived
        return {"type": "http.request", "body": b"all"}

    reading = asyncio.ensure_future(LimitedBody(receive, 100, 30.0)())
    await asyncio.sleep(0)  # it waits now
    arrived.set_result(None)
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading


def test_bodies_that_do_not_fit_beside_the_others_wait_for_their_end() -> None:
    access = open_access("127.0.0.1:0")
    limits = RequestLimits(body_bytes=80_000, held_bytes=100_000)
    with running_app(Guard(app(), access, limits), access) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as slow:
            slow.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 70001\r\n\r\n")
            slow.sendall(b"x" * 70_000)
            assert eventually(lambda: running.ask("POST", "/", b"x" * 60_000).status == 503)
            assert "holds as many requests as it may" in sentence(running.ask("POST", "/", b"x" * 60_000))
            assert running.ask("POST", "/", b"x" * 20_000).status == 200
            slow.sendall(b"x")
            assert b"POST 70001" in b"".join(iter(lambda: slow.recv(65_536), b""))
        assert eventually(lambda: running.ask("POST", "/", b"x" * 60_000).status == 200)


def test_an_application_that_fails_answers_with_a_sentence(
    guarded: tuple[RunningApp, str], caplog: pytest.LogCaptureFixture
) -> None:
    running, token = guarded

    answer = running.ask("GET", "/fail", authorization=f"Bearer {token}")

    assert answer.status == 500
    assert "planted" not in answer.body.decode()
    assert sentence(answer) == "the server failed at this request: its log says why"
    assert eventually(lambda: "planted" in caplog.text)


def test_a_client_that_hangs_up_is_no_failure_of_the_server(
    guarded: tuple[RunningApp, str], caplog: pytest.LogCaptureFixture
) -> None:
    running, token = guarded
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 900\r\n\r\n"

    for _ in range(5):
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as link:
            link.sendall(head.encode() + b"x" * 100)
    answer = running.ask("GET", "/fail", authorization=f"Bearer {token}")

    assert answer.status == 500
    assert eventually(lambda: "planted" in caplog.text)
    assert "ClientDisconnect" not in caplog.text


def test_a_websocket_passes_the_same_guard(guarded: tuple[RunningApp, str]) -> None:
    running, token = guarded
    url, known = f"ws://127.0.0.1:{running.port}/live", {"Authorization": f"Bearer {token}"}

    with connect(url, additional_headers=known) as own:
        assert own.recv() == "hello"
    with pytest.raises(InvalidStatus) as no_token:
        connect(url)
    with pytest.raises(InvalidStatus) as foreign:
        connect(url, additional_headers=known, origin="http://evil.example")  # pyright: ignore[reportArgumentType]

    assert no_token.value.response.status_code == 401
    assert foreign.value.response.status_code == 403
    assert b"another site" in foreign.value.response.body


def test_a_client_that_asks_too_often_is_told_to_wait() -> None:
    access = open_access("127.0.0.1:0")
    limits = RequestLimits(requests_per_s=0.5, burst=3)
    with running_app(Guard(app(), access, limits), access) as running:
        answers = [running.ask("GET", "/") for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3].headers["retry-after"] == "2"


def test_a_page_without_token_leads_to_the_login(tmp_path: Path) -> None:
    access = open_access("127.0.0.1:0", token_file=tmp_path / "token")
    with running_app(Guard(app(), access, RequestLimits(), login="/login"), access) as running:
        answer = running.ask("GET", "/")

    assert (answer.status, answer.headers["location"]) == (303, "/login")


def send_raw(running: RunningApp, token: str, rest: bytes) -> bytes:
    """All that is answered to a POST whose last headers and body are `rest`."""
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n".encode()
    with socket.create_connection(("127.0.0.1", running.port), timeout=10.0) as client:
        client.sendall(head + rest)
        said = b""
        while chunk := client.recv(65536):
            said += chunk
    return said
