"""Many callers at once, and hostile ones: every answer is right, and the server lives."""

from __future__ import annotations

import random
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.launch.memory import resident_bytes

from .running_api import as_base64, clip_frames, png, running_api

PROMPTS = ["red mug", "bottle . ball", "cube . can . ring", [{"name": "cup", "ask": ["mug"]}]]


def request_of(number: int, frames: list[NDArray[np.uint8]]) -> dict[str, object]:
    """A request of its own size and prompt for each number."""
    image = frames[number % len(frames)]
    width = 160 + 40 * (number % 5)
    return {
        "picture": as_base64(png(image[: width * 3 // 4, :width])),
        "prompt": PROMPTS[number % len(PROMPTS)],
        "threshold": 0.3 + 0.1 * (number % 2),
    }


def test_32_callers_at_once_get_what_each_gets_alone(frames: list[NDArray[np.uint8]], api: httpx.Client) -> None:
    _compare(api, frames, 32)


@pytest.mark.bar
@pytest.mark.slow
def test_2000_requests_of_32_callers_are_each_answered_as_alone() -> None:
    with running_api(max_waiting=64) as api:
        frames = clip_frames(20)
        _compare(api, frames, 200)  # warm
        before = resident_bytes()
        _compare(api, frames, 2000)
        assert resident_bytes() - before < 80e6


def _compare(api: httpx.Client, frames: list[NDArray[np.uint8]], count: int) -> None:
    kinds = 8
    requests = [request_of(number, frames) for number in range(kinds)]
    alone = [api.post("/v1/detect", json=one).json()["pictures"] for one in requests]

    def ask(number: int) -> None:
        answer = api.post("/v1/detect", json=requests[number % kinds])
        assert answer.status_code == 200, answer.text
        assert answer.json()["pictures"] == alone[number % kinds]

    with ThreadPoolExecutor(32) as callers:
        list(callers.map(ask, range(count)))


def test_a_full_queue_says_when_to_come_again(frames: list[NDArray[np.uint8]]) -> None:
    with running_api(max_waiting=2) as api:
        request = request_of(1, frames)

        def ask(_number: int) -> httpx.Response:
            return api.post("/v1/detect", json=request)

        with ThreadPoolExecutor(24) as callers:
            answers = list(callers.map(ask, range(48)))
        statuses = {answer.status_code for answer in answers}
        assert statuses == {200, 503}
        assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503)
        assert api.post("/v1/detect", json=request).status_code == 200


def test_hostile_requests_get_a_status_each_and_the_server_lives(
    api: httpx.Client, frames: list[NDArray[np.uint8]]
) -> None:
    good = request_of(0, frames)
    address = urlsplit(str(api.base_url))
    raws = [
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n",
        b"POST /v1/detect HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000000000\r\n\r\n",
    ]
    for raw, status in zip(raws, (404, 421, 403, 413), strict=True):
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as link:
            link.sendall(raw)
            assert link.recv(4096).startswith(f"HTTP/1.1 {status}".encode()), raw
    script = "<script>alert(1)</script>"
    answer = api.post("/v1/detect", json={**good, "prompt": script})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    noise = random.Random(3).randbytes(200_000)
    for data in (noise, b"\xff\xd8" + noise, b"\x89PNG\r\n\x1a\n" + noise, b"RIFF" + noise):
        refused = api.post("/v1/detect", json={**good, "picture": as_base64(data)})
        assert refused.status_code == 422
    assert api.post("/v1/detect", json=good).status_code == 200
