"""Picture bombs, bodies that are too large and uploads that never end, sent to a running `groundcast serve`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.launch.web.picture_bombs import LEFT_WHOLE, picture_bombs

from .running_api import png

BOMBS = picture_bombs()
ASK = "/v1/detect?prompt=red%20mug"
MAX_GROWTH_BYTES = 600e6  # 512 MiB of bodies may be held, and a few decoded pictures
HUGE = 100 * 2**20


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_a_sentence_or_its_first_picture_is_read(api: httpx.Client, name: str) -> None:
    answer = _send(api, BOMBS[name])

    if name in LEFT_WHOLE:
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code == 422
        assert "cannot be read: " in answer.json()["error"]["message"]


@pytest.mark.slow
def test_bombs_large_bodies_and_slow_uploads_at_once_cost_little(frames: list[NDArray[np.uint8]]) -> None:
    good = png(frames[0])
    with _served() as (api, peak_bytes), ThreadPoolExecutor(16) as callers, ExitStack() as slow:
        alone = _send(api, good).json()["pictures"]
        before = peak_bytes()
        links = [slow.enter_context(_slow_upload(api)) for _ in range(100)]
        began_s = time.monotonic()
        answers = list(callers.map(partial(_send, api), list(BOMBS.values()) * 4))
        bombs_s = time.monotonic() - began_s
        list(callers.map(_check_huge, [api] * 4))
        grown = peak_bytes() - before
        for link in links:
            link.send(b"x")  # none was cut off before its time
        assert _send(api, good).json()["pictures"] == alone

    assert {answer.status_code for answer in answers} <= {200, 422, 503}
    assert all(answer.json()["error"]["message"] for answer in answers if answer.status_code != 200)
    assert grown < MAX_GROWTH_BYTES
    assert bombs_s < 120


def _send(api: httpx.Client, data: bytes) -> httpx.Response:
    return api.post(ASK, content=data, headers={"content-type": "application/octet-stream"})


def _check_huge(api: httpx.Client) -> None:
    """100 MiB, with the length stated before and in pieces without one, are answered before all has been sent."""
    for length in (f"Content-Length: {HUGE}", "Transfer-Encoding: chunked"):
        with _link(api) as link:
            link.sendall(_head(length))
            if "chunked" in length:
                piece = b"100000\r\n" + bytes(2**20) + b"\r\n"
                link.settimeout(60)
                for _ in range(HUGE // 2**20):
                    try:
                        link.sendall(piece)
                    except (ConnectionError, TimeoutError):  # refused and closed: what follows need not be sent
                        break
            head, _, body = _all(link).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413"), head
        assert "larger than 64 MiB" in json.loads(body)["error"]["message"]


def _all(link: socket.socket) -> bytes:
    received = b""
    try:
        while piece := link.recv(65536):
            received += piece
    except ConnectionError:
        pass
    return received


def _head(length: str) -> bytes:
    return f"POST {ASK} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n{length}\r\n\r\n".encode()


def _link(api: httpx.Client) -> socket.socket:
    address = urlsplit(str(api.base_url))
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=60)


@contextmanager
def _slow_upload(api: httpx.Client) -> Generator[socket.socket]:
    """A caller that states a large body, sends its beginning and then nothing."""
    with _link(api) as link:
        link.sendall(_head(f"Content-Length: {60 * 2**20}") + b"x" * 1000)
        yield link


@contextmanager
def _served() -> Generator[tuple[httpx.Client, Callable[[], int]]]:
    """A client of `groundcast serve` in a process of its own, and the most memory that the process has used, bytes."""
    groundcast = str(Path(sys.executable).parent / "groundcast")
    command = (groundcast, "serve", "--address", "127.0.0.1:0", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["ready"]["url"]

        def peak_bytes() -> int:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024

        try:
            with httpx.Client(base_url=url, timeout=120) as client:
                yield client, peak_bytes
        finally:
            process.terminate()
            process.wait(20)
