"""Uploads: what the page's server refuses itself, and that a worker that fails takes nothing with it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from groundcast.launch.web import picture_desk
from groundcast.launch.web.picture_desk import PictureDesk, PictureRefusedError

PICTURE = b"picture"


def upload(head: object, picture: bytes = PICTURE) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return len(text).to_bytes(4, "big") + text + picture


async def refusal_of(desk: PictureDesk, body: bytes) -> tuple[int, str]:
    with pytest.raises(PictureRefusedError) as caught:
        await desk.detect(body)
    return caught.value.refusal.status, caught.value.refusal.message


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "four bytes of length"),
        (b"\xff\xff\xff\xff", "four bytes of length"),
        (upload(b"junk"), "must be a JSON object"),
        (upload(b"[" * 5000), "must be a JSON object"),
        (upload([1]), "must be a JSON object"),
        (upload({"prompt": "red mug"}, b""), "the picture is missing"),
        (upload({"prompt": 7}), "prompt must be a text"),
        (upload({"prompt": "red mug", "threshold": 2}), "threshold must be a number in 0..1"),
        (upload({"prompt": "red mug", "threshold": True}), "threshold must be a number in 0..1"),
        (upload({"prompt": "red mug", "size": 1e9}), "size must be a number in 32..4096"),
        (upload({"prompt": "red mug", "model": "/etc/passwd"}), "offers the models tabletop alone"),
    ],
)
async def test_a_wrong_upload_is_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    status, message = await refusal_of(PictureDesk(["tabletop"]), body)

    assert status == 400
    assert sentence in message


async def test_a_worker_that_ends_is_said_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_desk, "_WORKER", "this")  # a module that, run as a program, prints poetry and ends
    desk = PictureDesk(["tabletop"])

    for _ in range(2):
        status, message = await refusal_of(desk, upload({"prompt": "red mug"}))
        assert status == 502
        assert "other pictures go on" in message
    await desk.close()


async def test_a_picture_that_takes_too_long_is_given_up_and_a_crowd_is_told_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picture_desk, "_WITHIN_S", 1.0)
    monkeypatch.setattr(picture_desk, "_MAX_WAITING", 2)
    monkeypatch.setattr(picture_desk, "_WORKER", "tests.launch.web.silent_worker")
    desk = PictureDesk(["tabletop"])

    answers: list[Any] = await asyncio.gather(
        *(desk.detect(upload({"prompt": "red mug"})) for _ in range(4)), return_exceptions=True
    )
    await desk.close()

    assert sorted(error.refusal.status for error in answers) == [503, 503, 504, 504]
