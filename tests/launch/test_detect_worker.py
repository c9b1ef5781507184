"""The worker behind uploads answers as `groundcast detect` does, and says what is wrong with a picture."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from PIL import Image

from groundcast.launch.detect_worker import DetectWorker
from groundcast.model.tabletop.clip_truth import CLIP_PATH

from .commands import in_process
from .web.picture_bombs import LEFT_WHOLE, picture_bombs

PROMPT = "red mug . yellow ball . blue cube"


@pytest.fixture(scope="module")
def worker() -> Iterator[DetectWorker]:
    one = DetectWorker()
    yield one
    one.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first picture of the embedded clip."""
    path = tmp_path_factory.mktemp("scene") / "scene.png"
    with av.open(str(CLIP_PATH)) as clip:
        next(clip.decode(video=0)).to_image().save(path)  # pyright: ignore[reportUnknownMemberType]
    return path


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_an_upload_is_answered_as_detect_answers(
    worker: DetectWorker, scene: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, "detect", scene, "--prompt", PROMPT, "--threshold", "0.4", "--json")
    expected = json.loads(ended.out.splitlines()[0])

    answer = worker.answer({"model": "tabletop", "prompt": PROMPT, "threshold": 0.4}, scene.read_bytes())

    assert len(expected["detections"]) >= 2
    assert answer["detections"] == expected["detections"]
    assert (answer["width"], answer["height"]) == (expected["width"], expected["height"])


def test_a_sentence_finds_one_thing(worker: DetectWorker, scene: Path) -> None:
    answer = worker.answer({"model": "tabletop", "refer": "red mug"}, scene.read_bytes())

    assert len(answer["detections"]) == 1


def test_what_is_wrong_with_a_picture_or_a_prompt_is_said(worker: DetectWorker, scene: Path) -> None:
    whole = scene.read_bytes()
    wanted = {"model": "tabletop", "prompt": "red mug"}
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")

    for picture, said in (
        (b"junk", "no picture that can be read"),
        (whole[: len(whole) // 2], "no picture that can be read"),
        (png(100_000, 100_000), "at most"),
        (png(640, 480), "no picture that can be read"),
        (bomb.getvalue(), "20000x20000 px, at most"),
    ):
        answer = worker.answer(wanted, picture)
        assert said in answer["error"]["message"], said
        assert "/tmp" not in answer["error"]["message"]
    assert "did you mean" in worker.answer({"model": "tabletop", "prompt": "a, b"}, whole)["error"]["message"]
    assert "tabletop" in worker.answer({"model": "tabletop", "prompt": "unicorn"}, whole)["error"]["message"]


def test_of_a_bomb_the_first_picture_is_read_or_none(worker: DetectWorker) -> None:
    for name, picture in picture_bombs().items():
        answer = worker.answer({"model": "tabletop", "prompt": "red mug"}, picture)
        assert ("error" in answer) == (name not in LEFT_WHOLE), name
        assert name in LEFT_WHOLE or answer["error"]["message"].endswith(("smaller", "fewer", "file")), answer
