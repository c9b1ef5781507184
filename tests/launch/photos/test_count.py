"""`groundcast count`: what each folder shows, from pictures, from earlier results, from a data set."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from groundcast.launch.node import load_detector
from groundcast.launch.photos.folder_counts import count_folders, objects_in
from groundcast.launch.settings.settings import ModelSettings
from groundcast.launch.survey.entry import FileEntry, FoundBox, FrameEntry

from ..commands import BlobModel, in_process
from ..conftest import red_square
from .conftest import Corrupt, Loads

BOX = (0.0, 0.0, 9.0, 9.0)


@pytest.fixture
def shops(photos: Path, clip: Path) -> Path:
    """The photos, and below them a folder whose name a spreadsheet would compute, with two pictures and a clip."""
    shelf = photos / "=shelf" / "monday"
    shelf.mkdir(parents=True)
    two = red_square(10)
    two[40:70, 90:120] = (230, 20, 20)
    Image.fromarray(two).save(shelf / "two.png")
    Image.fromarray(np.full((120, 160, 3), 90, np.uint8)).save(shelf / "none.png")
    (shelf / "walk.mp4").write_bytes(clip.read_bytes())
    return photos


def rows(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (folder / "counts.csv").open(newline="", encoding="utf-8") as file:
        return {(row["folder"], row["label"]): row for row in csv.DictReader(file)}


def entry(is_clip: bool, *frames: list[tuple[str, float]]) -> FileEntry:
    found = [FrameEntry(n, n / 2, 60, 40, tuple(FoundBox(*box, BOX) for box in one)) for n, one in enumerate(frames)]
    return FileEntry("x", is_clip, tuple(found))


def test_a_clip_counts_with_what_a_frame_shows_and_pages_with_all() -> None:
    frames = ([("can", 0.9), ("can", 0.2)], [("can", 0.9), ("can", 0.5), ("mug", 0.5)], [("jar", 0.9)])
    assert dict(objects_in(entry(True, *frames), ("can", "mug"), 0.3)) == {"can": 2, "mug": 1}
    assert dict(objects_in(entry(False, *frames), ("can", "mug"), 0.3)) == {"can": 3, "mug": 1}


def test_folders_below_a_level_count_for_the_one_above() -> None:
    one, none = entry(False, [("can", 0.9)]), FileEntry("y", False, failure="no picture")
    files = [("a/b/1.jpg", one), ("a/b/c/2.jpg", one), ("a/3.jpg", none), ("4.jpg", one)]

    counts = {one.folder: one for one in count_folders(files, ("can",), 0.3, 1)}

    assert {name: (c.files, c.unread, c.objects["can"]) for name, c in counts.items()} == {
        "a": (2, 1, 2),
        ".": (1, 0, 1),
    }
    assert [one.folder for one in count_folders(files, ("can",), 0.3, None)] == ["a/b", "a/b/c", "a", "."]
    assert [one.folder for one in count_folders(files, ("can",), 0.3, 0)] == ["."]


def test_each_folder_of_pictures_is_counted_and_only_new_files_are_looked_at(
    capsys: pytest.CaptureFixture[str], shops: Path, tmp_path: Path, loads: Loads, corrupt: Corrupt
) -> None:
    out = tmp_path / "counts"
    words = ("count", shops, "--prompt", "red square . blue thing", "--folder", out)
    ended = in_process(capsys, *words, "--json")

    found = rows(out)
    shelf = found["./=shelf/monday", "red square"]
    assert ended.code == 0, ended.err
    assert (shelf["objects"], shelf["files_with"], shelf["most_in_one_file"]) == ("3", "2", "2")
    assert (shelf["files"], shelf["empty_files"], shelf["mean_per_file"]) == ("3", "1", "1.000")
    assert found["./=shelf/monday", "blue thing"]["objects"] == "0"
    assert found["in ä", "red square"]["objects"] == "1"
    assert found[".", "red square"]["files"] == "2"
    assert {one["folder"] for one in json.loads(ended.out)["folders"]} == {".", "in ä", "=shelf/monday"}
    page = (out / "report.html").read_text("utf-8")
    assert "=shelf/monday: two.png" in page
    assert page.count("data:image/jpeg") == 3
    assert "http" not in page.replace("http-equiv", "")
    assert not list(out.glob(".*"))

    corrupt()
    again = in_process(capsys, *words)
    assert again.code == 1
    assert "1 of 7 files could not be read" in again.err
    assert rows(out)[".", "red square"]["unread_files"] == "1"
    assert len(loads) == 2


def test_earlier_results_are_counted_without_a_model(
    capsys: pytest.CaptureFixture[str], shops: Path, tmp_path: Path, blobs: object, loads: Loads
) -> None:
    detected = in_process(
        capsys, "detect", shops, "--prompt", "red square . blue thing", "--format", "csv", "--out", tmp_path / "found"
    )
    assert detected.code == 0, detected.err
    loads.clear()
    ended = in_process(capsys, "count", "--results", tmp_path / "found", "--folder", tmp_path / "counts")
    assert ended.code == 0, ended.err
    found = rows(tmp_path / "counts")
    assert found["./=shelf/monday", "red square"]["objects"] == "3"
    assert found["in ä", "blue thing"]["objects"] == "0"  # a phrase that was never found has its rows
    assert loads == []


def test_a_data_set_is_counted_as_a_person_left_it(
    capsys: pytest.CaptureFixture[str], shops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_model: ModelSettings) -> BlobModel:
        return BlobModel()

    monkeypatch.setattr(load_detector, "load_detector", load)
    out = tmp_path / "set"
    labelled = in_process(capsys, "label", shops, "--prompt", "red square", "--folder", out, "--sample-hz", "1")
    assert labelled.code == 0, labelled.err
    content: dict[str, Any] = json.loads((out / "labels.json").read_text("utf-8"))
    next(one for one in content["images"] if one["file_name"] == "in ä/one.png")["state"] = "rejected"
    (out / "labels.json").write_text(json.dumps(content), "utf-8")

    ended = in_process(capsys, "count", "--results", out, "--folder", tmp_path / "counts")

    assert ended.code == 0, ended.err
    found = {folder: row["objects"] for (folder, _), row in rows(tmp_path / "counts").items()}
    assert found == {".": "1", "./=shelf/monday": "2", "./=shelf/monday/walk.mp4": "2"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to count"),
        (("--prompt", "x"), "nothing to count"),
        (("--results", "found", "--prompt", "x"), "--results counts what was found before"),
        (("--results", "/nowhere"), "is no data set"),
    ],
)
def test_wrong_options_get_a_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ended = in_process(capsys, "count", "--folder", tmp_path / "counts", *words)
    assert ended.code == 2
    assert said in ended.sentence
