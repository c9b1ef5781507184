"""`groundcast crop`: boxes with padding and as squares, before another background, continued where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from groundcast.model.tabletop import clip_truth

from ..commands import in_process
from .conftest import Corrupt, Loads


def run(capsys: pytest.CaptureFixture[str], photos: Path, out: Path, *options: str, code: int = 0) -> dict[str, Any]:
    ended = in_process(capsys, "crop", photos, "--prompt", "red square", "--folder", out, "--json", *options)
    assert ended.code == code, ended.err
    return json.loads(ended.out)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_each_box_becomes_a_file_below_the_names_of_the_folders(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, loads: Loads
) -> None:
    out = tmp_path / "crops"

    figures = run(capsys, photos, out, "--padding", "0")

    assert (figures["files"], figures["crops"], figures["new"]) == (3, 2, 2)
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*.jpg"))
    assert names == ["in ä/one.png-1-red-square.jpg", "two.jpg-1-red-square.jpg"]
    cropped = np.asarray(Image.open(out / names[1]).convert("RGB")).reshape(-1, 3).mean(0)
    assert cropped[0] > 180
    assert cropped[1:].max() < 80
    assert loads == ["tabletop"]


def test_the_same_command_continues_with_new_files_alone(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, loads: Loads
) -> None:
    out = tmp_path / "crops"
    run(capsys, photos, out)
    Image.open(photos / "two.jpg").save(photos / "three.png")

    figures = run(capsys, photos, out)
    again = run(capsys, photos, out)

    assert (figures["crops"], figures["new"]) == (3, 1)
    assert (again["crops"], again["new"], len(loads)) == (3, 0, 2)
    ended = in_process(capsys, "crop", photos, "--prompt", "red square", "--folder", out, "--square")
    assert (ended.code, "other settings (square False is now True)" in ended.sentence) == (2, True)


def test_squares_of_one_size(capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, loads: Loads) -> None:
    out = tmp_path / "crops"

    run(capsys, photos, out, "--square", "--crop-size", "64", "--padding", "0.5")

    assert {size_of(path) for path in out.rglob("*.jpg")} == {(64, 64)}
    assert len(loads) == 1


def test_a_file_that_cannot_be_read_is_counted(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, corrupt: Corrupt, loads: Loads
) -> None:
    corrupt()

    figures = run(capsys, photos, tmp_path / "crops", code=1)

    assert (figures["files"], figures["crops"], len(loads)) == (4, 2, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--background", "plaid"), "write keep, transparent, or a colour"),
        (("--model", "nowhere.pth"), "nowhere.pth"),
        (("--prompt", " . "), "prompt"),
    ],
)
def test_what_cannot_be_done_is_said(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    ended = in_process(capsys, "crop", photos, "--prompt", "red mug", "--folder", tmp_path / "out", *options)

    assert (ended.code, said in ended.sentence) == (2, True), ended.err


def test_the_folder_of_the_pictures_is_no_place_for_crops(
    capsys: pytest.CaptureFixture[str], photos: Path, loads: Loads
) -> None:
    ended = in_process(capsys, "crop", photos, "--prompt", "red square", "--folder", photos)

    assert (ended.code, "contains the input" in ended.sentence, loads) == (2, True, [])


@pytest.mark.slow
def test_tabletops_own_masks_take_the_background_away(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    clip = cv2.VideoCapture(str(Path(clip_truth.__file__).parent / "clip.mp4"))
    is_read, frame = clip.read()
    assert is_read
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "frame.png"), frame)
    prompt = ("--prompt", "red object . blue object . green object . yellow object", "--threshold", "0.4")

    ended = in_process(
        capsys,
        "crop",
        tmp_path / "photos",
        *prompt,
        "--folder",
        tmp_path / "out",
        "--background",
        "transparent",
        "--json",
    )

    figures = json.loads(ended.out)
    crops = [np.asarray(Image.open(path)) for path in (tmp_path / "out").rglob("*.png")]
    assert (ended.code, len(crops)) == (0, figures["crops"])
    assert crops
    for one in crops:
        assert one.shape[2] == 4
    shares = [float((one[..., 3] > 127).mean()) for one in crops]
    assert 0.2 < float(np.median(shares)) < 0.95
