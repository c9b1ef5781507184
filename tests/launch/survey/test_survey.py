"""`groundcast detect --format`: every file is one entry, and a run that was stopped continues."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from groundcast.launch.show.input_files import JOURNAL

from ..commands import Ended, in_process
from ..conftest import CLIP_FRAMES, full_disk
from .folders import fill, pixels

pytestmark = pytest.mark.usefixtures("blobs")
FORMATS = ("--format", "megadetector", "--format", "csv", "--format", "coco", "--format", "jsonl")


@pytest.fixture
def folder(tmp_path: Path, clip: Path) -> Path:
    return fill(tmp_path / "trap", clip)


def survey(capsys: pytest.CaptureFixture[str], folder: Path, out: Path, *more: str) -> Ended:
    return in_process(capsys, "detect", folder, "--prompt", "red blob . blue blob", "--out", out, *FORMATS, *more)


def entries(out: Path) -> dict[str, dict[str, Any]]:
    return {one["file"]: one for one in json.loads((out / "megadetector.json").read_text())["images"]}


def written(out: Path) -> dict[str, bytes]:
    """Every file of results but the journal."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file() and path.name != JOURNAL)
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_every_file_is_one_entry_in_natural_order(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = survey(capsys, folder, tmp_path / "out", "--sample-hz", "5")

    found = entries(tmp_path / "out")
    assert ended.code == 1
    assert list(found) == [
        *("broken.ts", "cut.jpg", "DSC0001", "empty.png", "line\nbreak,=1.jpg", "nothing.jpg", "turned.jpg"),
        *("walk.mp4", "site é/card 1/IMG_2.JPG", "site é/card 1/IMG_10.JPG"),
    ]
    assert {name for name, one in found.items() if one.get("failure")} == {
        *("broken.ts", "cut.jpg", "line\nbreak,=1.jpg", "nothing.jpg"),
    }
    assert found["empty.png"]["detections"] == []
    assert (found["turned.jpg"]["width"], found["turned.jpg"]["height"]) == (120, 160)
    assert found["turned.jpg"]["datetime"] == "2026:05:03 04:05:06"
    assert found["walk.mp4"]["frames_processed"] == list(range(0, CLIP_FRAMES, 2))
    assert "4 of 10 files could not be read" in ended.err


def test_a_run_that_was_stopped_anywhere_ends_with_the_same_bytes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    survey(capsys, folder, whole, "--crops", "--drawings")
    journal = (whole / JOURNAL).read_bytes()

    for share in (0.0, 0.02, 0.3, 0.6, 0.97, 1.0):  # a kill leaves the journal cut anywhere
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        (out / JOURNAL).write_bytes(journal[: int(len(journal) * share)])
        if share:
            shutil.copytree(whole / "crops", out / "crops")
            shutil.copytree(whole / "drawings", out / "drawings")
        assert survey(capsys, folder, out, "--crops", "--drawings").code == 1
        assert written(out) == written(whole)


def test_a_file_that_is_done_is_not_detected_in_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    survey(capsys, folder, tmp_path / "out")
    for name in ("line\nbreak,=1.jpg", "nothing.jpg", "broken.ts"):
        (folder / name).unlink()
    shutil.copy(folder / "turned.jpg", folder / "cut.jpg")  # was unreadable, and has changed

    again = survey(capsys, folder, tmp_path / "out", "--json")

    *lines, figures = [json.loads(line) for line in again.out.splitlines()]
    assert (again.code, figures["files"], figures["earlier"]) == (0, 7, 6)
    assert [Path(line["source"]).name for line in lines] == ["cut.jpg"]


def test_other_settings_do_not_continue_a_run(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    survey(capsys, folder, tmp_path / "out")
    before = written(tmp_path / "out")

    other = survey(capsys, folder, tmp_path / "out", "--threshold", "0.5")

    assert (other.code, written(tmp_path / "out")) == (2, before)
    assert "begun with other settings (threshold 0.3 is now 0.5)" in other.err
    assert survey(capsys, folder, tmp_path / "out", "--threshold", "0.5", "--overwrite").code == 1


def test_crops_and_drawings_keep_the_folders(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    survey(capsys, folder, tmp_path / "out", "--crops", "--drawings", "--sample-hz", "1")

    files = written(tmp_path / "out")
    assert {name for name in files if name.startswith("drawings/")} == {
        *("drawings/DSC0001.jpg", "drawings/empty.png", "drawings/turned.jpg", "drawings/walk.mp4"),
        *("drawings/site é/card 1/IMG_2.JPG", "drawings/site é/card 1/IMG_10.JPG"),
    }
    assert {name for name in files if name.startswith("crops/")} == {
        *("crops/DSC0001-1-red-blob.jpg", "crops/turned.jpg-1-red-blob.jpg"),
        *("crops/walk.mp4-000000-1-red-blob.jpg", "crops/walk.mp4-000010-1-red-blob.jpg"),
        *("crops/site é/card 1/IMG_2.JPG-1-red-blob.jpg", "crops/site é/card 1/IMG_10.JPG-1-red-blob.jpg"),
    }
    high, wide = pixels(tmp_path / "out" / "crops" / "DSC0001-1-red-blob.jpg")
    assert 36 <= min(high, wide) <= max(high, wide) <= 42  # the square's 30 px and a tenth on each side


def test_drawings_of_a_path_with_dots_do_not_replace_its_pictures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, out = tmp_path / "a" / "b", tmp_path / "out"
    (here / "more").mkdir(parents=True)
    shutil.copy(folder / "empty.png", here / "more")
    before = {path: path.read_bytes() for path in folder.rglob("*.jpg")}
    monkeypatch.chdir(here)

    prompt = ("--prompt", "red blob", "--out", out, "--format", "coco", "--drawings")
    in_process(capsys, "detect", "../../trap", "more", f"{here}/../b/more", *prompt)

    assert {path: path.read_bytes() for path in folder.rglob("*.jpg")} == before
    assert (out / "drawings" / "trap" / "turned.jpg").exists()
    names = [image["file_name"] for image in json.loads((out / "coco.json").read_text())["images"]]
    assert names.count("a/b/more/empty.png") == 1


def test_a_full_disk_stops_a_run_that_the_same_command_continues(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    with full_disk():
        ended = survey(capsys, folder, tmp_path / "out")

    assert ended.code in (1, 2)
    assert "cannot be written (File too large)" in ended.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--format", "csv"), "name a folder for them with --out"),
        (("--format", "xml", "--out", "x"), "--format xml is not known"),
        (("--crops", "--out", "x"), "go with --format"),
        (("--sample-hz", "0"), "is no rate"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    given: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = in_process(capsys, "detect", folder, "--prompt", "red blob", *given)

    assert ended.code == 2
    assert said in ended.sentence
