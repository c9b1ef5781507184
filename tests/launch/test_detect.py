"""`groundcast detect`: pictures, folders and clips to boxes and drawings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from PIL import Image
from pycocotools.mask import decode  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from groundcast.launch.node import load_detector
from groundcast.launch.settings.settings import ModelSettings

from .commands import BlobModel, in_process
from .conftest import CLIP_FRAMES, full_disk, red_square

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

    monkeypatch.setattr(load_detector, "load_detector", load)

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

    broken, read, figures = results(ended.out)
    assert ended.code == 1
    assert (broken["source"], read["source"]) == (str(tmp_path / "broken.png"), str(picture))
    assert "broken.png is no picture that can be read" in broken["error"]
    assert (figures["pictures"], figures["unread"]) == (1, 1)
    assert results((tmp_path / "found" / "detections.jsonl").read_text()) == [broken, read]
    assert f"groundcast: {broken['error']}" in ended.err
    assert f"skipped, neither pictures nor clips: {tmp_path / 'notes.txt'}" in ended.err
    assert "1 of 2 files could not be read" in ended.err
    assert (tmp_path / "found" / read["drawing"]).is_file()


def test_all_that_lies_below_a_folder_is_looked_at(
    picture: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = tmp_path / "2026" / "november"
    deep.mkdir(parents=True)
    shutil.copy(picture, deep / "a.png")
    shutil.copy(clip, deep / "b.mp4")
    (deep / ".hidden.png").write_text("not looked at")
    (deep / "again").symlink_to(tmp_path)  # leads back
    for suffix in (".gif", ".ppm", ".avif", ".webp"):
        Image.open(picture).save(deep / f"c{suffix}")

    ended = in_process(capsys, "detect", tmp_path, "--prompt", "red blob", "--out", tmp_path / "found", "--json")

    *rows, figures = results(ended.out)
    assert (ended.code, figures["unread"]) == (0, 0)
    assert [Path(row["source"]).name for row in rows] == [
        "shelf 1.png", "a.png", *["b.mp4"] * CLIP_FRAMES, "c.avif", "c.gif", "c.ppm", "c.webp"
    ]  # fmt: skip
    assert len({row["drawing"] for row in rows}) == 7
    assert all((tmp_path / "found" / row["drawing"]).stat().st_size > 0 for row in rows)


def test_nothing_that_was_named_stops_the_others(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "bare").mkdir()
    paths = (tmp_path / "empty.jpg", tmp_path / "bare", tmp_path / "gone.png", picture)

    ended = in_process(capsys, "detect", *paths, "--prompt", "red blob", "--json")

    *rows, figures = results(ended.out)
    assert (ended.code, figures["pictures"], figures["unread"]) == (1, 1, 3)
    assert [row["source"] for row in rows] == [str(path) for path in paths]
    for row, said in zip(rows, ("is empty (0 bytes)", "contains no pictures or clips", "does not exist"), strict=False):
        assert said in row["error"]


def test_a_clip_that_is_cut_off_has_its_frames_and_then_the_reason(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.ts").write_bytes(b"no clip" * 100)
    shutil.copy(clip, tmp_path)

    ended = in_process(capsys, "detect", tmp_path, "--prompt", "red blob", "--json")

    cut, *rows, _ = results(ended.out)
    assert (ended.code, len(rows)) == (1, CLIP_FRAMES)
    assert "cut.ts" in cut["error"]


def test_results_are_not_replaced_unless_that_is_said(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("detect", picture, "--prompt", "red blob", "--out", tmp_path / "found")
    assert in_process(capsys, *asked).code == 0
    before = (tmp_path / "found" / "detections.jsonl").read_text()

    again = in_process(capsys, *asked)
    assert (again.code, (tmp_path / "found" / "detections.jsonl").read_text()) == (2, before)
    assert "detections.jsonl already exists: name another folder with --out, or" in again.sentence

    assert in_process(capsys, *asked, "--overwrite").code == 0


def test_results_of_an_earlier_run_are_not_looked_at_as_pictures(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second"):
        ended = in_process(capsys, "detect", tmp_path, "--prompt", "red blob", "--out", tmp_path / name)

    assert [line.split(" 0: ")[0] for line in ended.out.splitlines()] == [str(picture)]
    assert f"{tmp_path / 'first'} contains results of an earlier run" in ended.err


def test_results_on_a_full_disk_end_with_a_sentence(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk():
        ended = in_process(capsys, "detect", clip, "--prompt", "red blob", "--out", tmp_path / "found")

    assert ended.code == 1
    assert "cannot be written any further (File too large)" in ended.sentence


@pytest.mark.parametrize("given", ["", "shelf 1.png"])
def test_drawings_do_not_replace_the_pictures_themselves(
    given: str, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = picture.read_bytes()

    ended = in_process(capsys, "detect", picture.parent / given, "--prompt", "red blob", "--out", picture.parent)

    assert (ended.code, picture.read_bytes()) == (2, before)
    assert "contains the input" in ended.sentence


def test_a_files_name_cannot_move_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), red_square(50))
    (tmp_path / "a.png").rename(tmp_path / "a\x1b[2J.png")

    ended = in_process(capsys, "detect", tmp_path, "--prompt", "red blob")

    assert (ended.code, "\x1b" in ended.out) == (0, False)


def test_no_two_drawings_have_one_name(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        shutil.copy(picture, tmp_path / folder / "x.png")
    shutil.copy(picture, tmp_path / "x-3.png")
    picture.unlink()

    ended = in_process(capsys, "detect", tmp_path, "--prompt", "red blob", "--out", tmp_path / "found", "--json")

    *rows, _ = results(ended.out)
    assert len({row["source"] for row in rows}) == len({row["drawing"] for row in rows}) == 4


@pytest.mark.parametrize(
    ("path", "said"),
    [("nowhere.png", "does not exist"), ("rtsp://host/1", "for cameras"), (".", "contains no pictures or clips")],
)
def test_what_cannot_be_looked_at_is_said(
    path: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    ended = in_process(capsys, "detect", path, "--prompt", "red blob")

    assert ended.code == 2
    assert said in ended.sentence


def test_masks_are_written_as_run_lengths_and_drawn(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = in_process(capsys, "detect", picture, "--prompt", "red blob", "--out", tmp_path / "plain", "--json")

    ended = in_process(
        capsys, "detect", picture, "--prompt", "red blob", "--out", tmp_path / "masked", "--masks", "--json"
    )

    (found,) = results(ended.out)[0]["detections"]
    mask = found["mask"]
    square = decode({"size": mask["size"], "counts": mask["counts"].encode()})[40:70, 50:80]
    assert ended.code == 0
    assert mask["size"] == [120, 160]
    assert mask["area"] == pytest.approx(900, rel=0.15)
    assert square.mean() > 0.9
    assert 0.5 < mask["quality"] <= 1
    assert "mask" not in results(plain.out)[0]["detections"][0]
    drawings = [next((tmp_path / name).glob("*.png")).read_bytes() for name in ("plain", "masked")]
    assert drawings[0] != drawings[1]


def test_a_masker_that_is_none_is_refused_before_anything_is_read(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, "detect", picture, "--prompt", "red blob", "--masks", "--masker", "no-such-folder")

    assert ended.code == 2
    assert "no masker at no-such-folder" in ended.sentence
