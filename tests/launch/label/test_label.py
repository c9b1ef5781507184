"""`groundcast label` makes a data set of a folder, the same after a kill; `groundcast dataset` reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from groundcast.launch.label import label as label_command
from groundcast.launch.label.classes_file import read_classes
from groundcast.launch.label.set_inputs import read_set
from groundcast.launch.node import load_detector
from groundcast.launch.settings.settings import ModelSettings
from groundcast.launch.show.image_inputs import InputImage
from groundcast.launch.show.input_files import JOURNAL
from groundcast.launch.show.mask_finder import FindMasks
from groundcast.model.detections import Detections
from groundcast.model.masks.mask import Mask, mask_of

from ..commands import BlobModel, in_process
from ..conftest import red_square

Run = Callable[..., object]


@pytest.fixture(autouse=True)
def blob_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain colour detector: these tests are about what surrounds the model."""

    def load(_model: ModelSettings) -> BlobModel:
        return BlobModel()

    monkeypatch.setattr(load_detector, "load_detector", load)


@pytest.fixture
def photos(tmp_path: Path, clip: Path) -> Path:
    """Pictures in folders, one turned by EXIF, one empty, one corrupt, one odd name, and a clip."""
    folder = tmp_path / "photos"
    (folder / "shelf ä").mkdir(parents=True)
    for number in range(4):
        Image.fromarray(red_square(20 + 20 * number)).save(folder / "shelf ä" / f"{number}.png")
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(folder / "empty.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(red_square(30)).save(folder / "turned.jpg", exif=exif)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    (folder / "clip.mp4").write_bytes(clip.read_bytes())
    return folder


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    path = tmp_path / "classes.txt"
    path.write_text("red thing = red square, red blob\n\n# blue is rare\nblue thing @0.9\n")
    return path


def digest(folder: Path) -> dict[str, str]:
    """The content of every file that users see."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != JOURNAL
    }


def without_report(folder: Path) -> dict[str, str]:
    """The same but for the report, whose heading is the folder's name."""
    return {name: one for name, one in digest(folder).items() if name != "report.html"}


def run(capsys: pytest.CaptureFixture[str], photos: Path, out: Path, *options: str) -> dict[str, object]:
    ended = in_process(
        capsys, "label", photos, "--folder", out, "--prompt", "red square . blue thing", "--json", *options
    )
    assert ended.code == 1, ended.err  # one file is corrupt
    assert "1 of 8 files could not be read" in ended.err
    return json.loads(ended.out)


def test_a_folder_becomes_data_sets_of_every_format(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    figures = run(capsys, photos, out, "--to", "coco,yolo,voc,odvg", "--split", "0.5,0.25,0.25")
    assert figures["pictures"] == 4 + 1 + 1 + 20
    for kind in ("coco", "yolo", "voc"):
        _, labelled = read_set(out / kind)
        assert (len(labelled.pictures), labelled.boxes) == (figures["pictures"], figures["boxes"]), kind
        ended = in_process(capsys, "dataset", "check", out / kind, "--json")
        assert (ended.code, json.loads(ended.out)["faults"]) == (0, []), kind
    kind, own = read_set(out)
    assert kind == "groundcast"
    turned = next(one for one in own.pictures if one.file == "turned.jpg.jpg")
    assert (turned.width, turned.height) == (120, 160)
    assert next(one for one in own.pictures if one.file == "empty.png").boxes == ()
    assert len({one.split for one in own.pictures if one.file.startswith("clip.mp4/")}) == 1
    page = (out / "report.html").read_text()
    assert "red square" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_run_that_was_killed_gives_the_same_bytes(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(capsys, photos, whole, "--to", "coco,yolo")
    journal = (whole / JOURNAL).read_bytes().splitlines(keepends=True)
    killed.mkdir()
    (killed / JOURNAL).write_bytes(b"".join(journal[:4]) + journal[4][:20])
    (killed / "images" / "clip.mp4").mkdir(parents=True)
    (killed / "images" / "clip.mp4" / ".000003.jpg.part").write_bytes(b"half")
    (killed / ".coco.part").mkdir()
    run(capsys, photos, killed, "--to", "coco,yolo")
    assert without_report(whole) == without_report(killed)


def test_masks_are_kept_with_the_boxes_and_found_once(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[tuple[str, int]] = []

    def red_pixels(_name: str, _device: str, *, offline: bool) -> FindMasks:
        def find(one: InputImage, found: Detections) -> list[Mask | None]:
            searched.append((one.source.url, one.index))
            mask = mask_of(one.image[..., 0] > one.image[..., 1] + 90, 0.987654321 + 0 * offline)
            return [mask] * len(found)

        return find

    monkeypatch.setattr(label_command, "mask_finder", red_pixels)
    options = ("--to", "coco,yolo", "--masks", "--sample-hz", "2")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run(capsys, photos, whole, *options)
    first = list(searched)
    assert len(first) == len(set(first)) == 4 + 1 + 4  # the pictures with a box: files and frames
    check_masks(whole)

    lines = (whole / JOURNAL).read_bytes().splitlines(keepends=True)
    stopped.mkdir()
    (stopped / JOURNAL).write_bytes(b"".join(lines[:-2]) + lines[-2][:-9])
    searched.clear()
    run(capsys, photos, stopped, *options)
    assert 0 < len(searched) < len(first)
    assert searched == [one for one in first if one[0] in {url for url, _ in searched}]  # whole files alone
    assert without_report(whole) == without_report(stopped)

    searched.clear()
    other = in_process(capsys, "label", photos, "--folder", whole, "--prompt", "red square . blue thing")
    assert (other.code, searched) == (2, [])
    assert "another --folder" in other.sentence


def check_masks(out: Path) -> None:
    """Every box has its pixels: run lengths in COCO, a segment in YOLO."""
    files = [json.loads(path.read_text()) for path in (out / "coco").glob("*.json")]
    objects = [one for content in files for one in content["annotations"]]
    assert len(objects) == 4 + 1 + 4
    for one in objects:
        x, y, wide, high = (round(side) for side in one["bbox"])
        pixels = coco_mask.decode(one["segmentation"])
        assert pixels[y + 2 : y + high - 2, x + 2 : x + wide - 2].all()
        assert pixels.sum() == one["area"]
    texts = [path.read_text() for path in (out / "yolo" / "labels").rglob("*.txt")]
    lines = [line.split() for text in texts for line in text.splitlines()]
    assert len(lines) == len(objects)
    assert all(len(line) % 2 == 1 for line in lines)
    assert min(len(line) for line in lines) >= 1 + 3 * 2


@pytest.mark.parametrize("mark", [{"state": "checked"}, {"edited": True}])
def test_what_a_person_has_checked_is_not_overwritten(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, mark: dict[str, object]
) -> None:
    out = tmp_path / "set"
    run(capsys, photos, out)
    path = out / "labels.json"
    content = json.loads(path.read_text())
    content["images"][0].update(mark)
    path.write_text(json.dumps(content))
    ended = in_process(capsys, "label", photos, "--folder", out, "--prompt", "red square . blue thing")
    assert ended.code == 2
    assert "1 pictures that a person has checked" in ended.sentence


def test_frames_that_look_alike_are_left_out_by_request(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path
) -> None:
    figures = run(capsys, photos, tmp_path / "set", "--leave-out-similar")
    assert 6 <= int(str(figures["pictures"])) < 26
    kept = [path for path in (tmp_path / "set" / "images").rglob("*") if path.is_file()]
    assert len(kept) == figures["pictures"]  # what is left out lies nowhere


def test_classes_have_wordings_and_thresholds(classes: Path) -> None:
    red, blue = read_classes(classes).phrases
    assert (red.name, red.ask, red.threshold) == ("red thing", ("red square", "red blob"), None)
    assert (blue.name, blue.ask, blue.threshold) == ("blue thing", (), 0.9)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ((), "--classes"),
        (("--prompt", "x", "--to", "png"), "--to png is not known"),
        (("--prompt", "x", "--split", "a,b"), "is no split"),
        (("--classes", "/nowhere.txt"), "cannot be read as text"),
    ],
)
def test_wrong_options_get_a_sentence(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path, options: tuple[str, ...], part: str
) -> None:
    ended = in_process(capsys, "label", photos, "--folder", tmp_path / "set", *options)
    assert ended.code == 2
    assert part in ended.sentence


def test_a_line_that_is_no_class_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], photos: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_text("bottle\nmug @high\n")
    ended = in_process(capsys, "label", photos, "--folder", tmp_path / "set", "--classes", path)
    assert "line 2" in ended.sentence


def test_a_data_set_is_counted_converted_split_and_merged(
    capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    figures = run(capsys, photos, out, "--to", "yolo")
    stats = json.loads(in_process(capsys, "dataset", "stats", out / "yolo", "--json").out)
    assert (stats["pictures"], stats["boxes"]) == (figures["pictures"], figures["boxes"])
    assert in_process(capsys, "dataset", "convert", out / "yolo", "--to", "voc", "--folder", tmp_path / "b").code == 0
    split = in_process(capsys, "dataset", "split", out, "--shares", "1,1", "--seed", "4", "--folder", tmp_path / "c")
    assert split.code == 0
    parts = read_set(tmp_path / "c" / "coco")[1].splits
    assert set(parts) == {"train", "val"}
    merged = in_process(
        capsys, "dataset", "convert", out / "yolo", tmp_path / "b" / "voc", "--to", "coco", "--folder", tmp_path / "d"
    )
    assert merged.code == 0, merged.err
    assert len(read_set(tmp_path / "d" / "coco")[1].pictures) == 2 * int(str(figures["pictures"]))
    twice = in_process(capsys, "dataset", "convert", out, out, "--to", "coco", "--folder", tmp_path / "e")
    assert twice.code == 2
    assert "in two of the sets" in twice.sentence
    assert in_process(capsys, "dataset", "check", tmp_path).code == 2


def test_faults_of_a_data_set_are_named(capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    run(capsys, photos, out)
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(out / "coco" / "images" / "empty.png")
    (out / "coco" / "images" / "shelf ä" / "1.png").unlink()
    ended = in_process(capsys, "dataset", "check", out / "coco", "--json")
    assert ended.code == 1
    faults = json.loads(ended.out)["faults"]
    assert any("60x40 px are stated, the upright picture has 5x5" in one for one in faults)
    assert any("1.png: cannot be read" in one for one in faults)
