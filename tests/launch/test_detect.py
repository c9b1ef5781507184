"""`groundcast detect`: pictures, folders and clips to boxes and drawings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import cv2
import pytest

from groundcast.launch import detect
from groundcast.launch.settings import ModelSettings

from .commands import BlobModel, in_process
from .conftest import CLIP_FRAMES, red_square

pytestmark = pytest.mark.usefixtures("blobs")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "shelf 1.png"
    cv2.imwrite(str(path), cv2.cvtColor(red_square(50), cv2.COLOR_RGB2BGR))
    return path


def results(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_picture_gives_labels_and_boxes(picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(capsys, "detect", picture, "--prompt", "red blob . blue blob", "--json")

    found, figures = results(ended.out)
    assert ended.code == 0
    assert (found["source"], found["width"], found["height"]) == (str(picture), 160, 120)
    assert found["detections"] == [
        {"label": "red blob", "confidence": 0.9, "bbox": {"x1": 50.0, "y1": 40.0, "x2": 80.0, "y2": 70.0}}
    ]
    assert (figures["pictures"], figures["detections"]) == (1, 1)


@pytest.mark.parametrize(("given", "nms_iou"), [((), ModelSettings().nms_iou), (("--nms", "0.5"), 0.5)])
def test_of_two_boxes_of_one_thing_the_better_stays_as_in_a_node(
    given: tuple[str, ...],
    nms_iou: float,
    picture: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded: list[ModelSettings] = []

    def load(model: ModelSettings) -> BlobModel:
        loaded.append(model)
        return BlobModel()

    monkeypatch.setattr(detect, "load_detector", load)

    assert in_process(capsys, "detect", picture, "--prompt", "red blob", *given).code == 0
    assert [model.nms_iou for model in loaded] == [nms_iou]


def test_a_clip_gives_every_frame_and_a_clip_of_drawings(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "found"

    ended = in_process(capsys, "detect", clip, "--prompt", "red blob", "--out", out)

    lines = results((out / "detections.jsonl").read_text())
    assert ended.code == 0
    assert [line["frame"] for line in lines] == list(range(CLIP_FRAMES))
    assert "square.mp4 0: red blob 0.90 at " in ended.out
    with av.open(str(out / "square.mp4")) as drawn:
        times = [frame.time for frame in drawn.decode(video=0)]
    assert len(times) == CLIP_FRAMES
    assert times[-1] == pytest.approx((CLIP_FRAMES - 1) / 10, abs=0.02)


def test_a_folder_gives_what_can_be_read_and_says_what_cannot(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.png").write_text("no picture")
    (tmp_path / "notes.txt").write_text("not looked at")

    ended = in_process(capsys, "detect", tmp_path, "--prompt", "red blob", "--out", tmp_path / "found", "--json")

    *pictures, figures = results(ended.out)
    assert ended.code == 1
    assert [found["source"] for found in pictures] == [str(picture)]
    assert figures["pictures"] == 1
    assert "broken.png" in ended.err
    assert (tmp_path / "found" / "shelf-1.png").is_file()


@pytest.mark.parametrize(
    ("path", "said"),
    [("nowhere.png", "does not exist"), ("rtsp://host/1", "watch cameras with"), (".", "holds no pictures")],
)
def test_what_cannot_be_looked_at_is_said(
    path: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    ended = in_process(capsys, "detect", path, "--prompt", "red blob")

    assert ended.code == 2
    assert said in ended.sentence
