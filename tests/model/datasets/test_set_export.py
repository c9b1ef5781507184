"""Data sets through every format and back: nothing is lost that the format can hold, and what is lost is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from groundcast.launch.label.set_inputs import read_set
from groundcast.model.datasets.labelled import LabelledData
from groundcast.model.datasets.odvg_data import read_odvg
from groundcast.model.datasets.picture_set import LabelledBox, PictureSet, PictureSetError, SetPicture, split_pictures
from groundcast.model.datasets.set_export import export_set
from groundcast.model.masks.mask import mask_of, pixels_of

NAMES = ("bottle", "Zündkerze", "cell phone", "キー")
WIDE, HIGH = 60, 40
OUTLINES = ((1.0, 2.0, 30.5, 2.0, 30.5, 20.0), (40.0, 4.0, 50.0, 4.0, 50.0, 9.0))  # of one object in two parts

side = st.floats(0.0, 1.0)


@st.composite
def boxes(draw: st.DrawFn) -> LabelledBox:
    (x1, x2), (y1, y2) = sorted((draw(side), draw(side))), sorted((draw(side), draw(side)))
    box = (x1 * (WIDE - 1), y1 * (HIGH - 1), x2 * (WIDE - 1) + 1, y2 * (HIGH - 1) + 1)
    score = draw(st.none() | st.floats(0.0, 1.0))
    return LabelledBox(draw(st.sampled_from(NAMES)), box, score, draw(st.booleans()))


@st.composite
def sets(draw: st.DrawFn) -> tuple[SetPicture, ...]:
    files = draw(
        st.lists(st.sampled_from(["a.png", "b/a.png", "Ä ö.png", "b/c d.png", "e.png"]), unique=True, min_size=1)
    )
    split = st.sampled_from(["train", "val", "test"])
    return tuple(
        SetPicture(file, WIDE, HIGH, tuple(draw(st.lists(boxes(), max_size=4))), draw(split)) for file in files
    )


def written(pictures: Sequence[SetPicture], folder: Path, names: tuple[str, ...] = NAMES) -> PictureSet:
    for picture in pictures:
        path = folder / "source" / picture.file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((picture.height, picture.width, 3), np.uint8)).save(path)
    return PictureSet(names, folder / "source", tuple(pictures))


def pixels_with_a_hole() -> NDArray[np.bool_]:
    """A square with a square hole."""
    pixels = np.zeros((HIGH, WIDE), np.bool_)
    pixels[5:25, 5:25] = True
    pixels[10:15, 10:15] = False
    return pixels


def by_file(labelled: PictureSet) -> dict[str, SetPicture]:
    return {picture.file.rsplit("/", 1)[-1]: picture for picture in labelled.pictures}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=sets())
def test_coco_keeps_all(pictures: tuple[SetPicture, ...], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("set")
    assert export_set(written(pictures, folder), "coco", folder) == []
    kind, again = read_set(folder / "coco")
    assert (kind, again.names) == ("coco", NAMES)
    assert {one.file: one.split for one in again.pictures} == {one.file: one.split for one in pictures}
    for old in pictures:
        new = next(one for one in again.pictures if one.file == old.file)
        assert [(b.name, b.score, b.crowd) for b in new.boxes] == [(b.name, b.score, b.crowd) for b in old.boxes]
        for mine, theirs in zip(old.boxes, new.boxes, strict=True):
            assert theirs.box_xyxy == pytest.approx(mine.box_xyxy, abs=1e-9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=sets())
def test_yolo_keeps_classes_boxes_and_parts(
    pictures: tuple[SetPicture, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("set")
    said = export_set(written(pictures, folder), "yolo", folder)
    kind, again = read_set(folder / "yolo")
    assert (kind, again.names, len(again.pictures)) == ("yolo", NAMES, len(pictures))
    for old in pictures:
        new = next(one for one in again.pictures if one.file == f"images/{old.split}/{old.file}")
        assert [box.name for box in new.boxes] == [box.name for box in old.boxes]
        for mine, theirs in zip(old.boxes, new.boxes, strict=True):
            assert theirs.box_xyxy == pytest.approx(mine.box_xyxy, abs=1e-5)
    assert any("scores" in one for one in said) == any(b.score is not None for p in pictures for b in p.boxes)
    assert any("crowds" in one for one in said) == any(b.crowd for p in pictures for b in p.boxes)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=sets())
def test_voc_keeps_whole_pixels_scores_and_crowds(
    pictures: tuple[SetPicture, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("set")
    export_set(written(pictures, folder), "voc", folder)
    _, again = read_set(folder / "voc")
    assert len(again.pictures) == len(pictures)
    for old in pictures:
        new = next(one for one in again.pictures if one.file == old.file.replace("/", "__"))
        assert (new.split, new.width, new.height) == (old.split, WIDE, HIGH)
        assert [(b.name, b.score, b.crowd) for b in new.boxes] == [(b.name, b.score, b.crowd) for b in old.boxes]
        for mine, theirs in zip(old.boxes, new.boxes, strict=True):
            assert theirs.box_xyxy == pytest.approx(mine.box_xyxy, abs=1.01)
    export_set(again, "voc", folder / "second")
    assert read_set(folder / "second" / "voc")[1].pictures == again.pictures


def test_masks_with_holes_and_parts_survive_coco(tmp_path: Path) -> None:
    pixels = pixels_with_a_hole()
    pixels[30:35, 40:50] = True
    mask = mask_of(pixels, 1.0)
    box = LabelledBox("bottle", (5, 5, 50, 35), 0.5, mask=mask)
    labelled = written([SetPicture("a.png", WIDE, HIGH, (box,), "train")], tmp_path)
    assert export_set(labelled, "coco", tmp_path) == []
    again = read_set(tmp_path / "coco")[1].pictures[0].boxes[0]
    assert again.mask is not None
    assert np.array_equal(pixels_of(again.mask), pixels)
    said = export_set(labelled, "yolo", tmp_path)
    assert any("largest" in one for one in said)
    outline = read_set(tmp_path / "yolo")[1].pictures[0].boxes[0].outlines[0]
    assert (min(outline[::2]), max(outline[::2])) == pytest.approx((5, 24), abs=0.01)
    assert any("shapes of 1 objects" in one for one in export_set(labelled, "voc", tmp_path))


def test_other_libraries_read_what_is_written(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    from pycocotools.coco import COCO

    pictures = [
        SetPicture("a.png", WIDE, HIGH, (LabelledBox("bottle", (5, 6, 25, 30), 0.7),), "train"),
        SetPicture("b.png", WIDE, HIGH, (), "train"),
    ]
    labelled = written(pictures, tmp_path)
    for kind in ("coco", "yolo", "voc"):
        export_set(labelled, kind, tmp_path)
    coco = COCO(str(tmp_path / "coco" / "train.json"))
    assert (len(coco.imgs), coco.anns[1]["bbox"]) == (2, [5, 6, 20, 24])
    yolo = supervision.DetectionDataset.from_yolo(
        str(tmp_path / "yolo" / "images" / "train"),
        str(tmp_path / "yolo" / "labels" / "train"),
        str(tmp_path / "yolo" / "data.yaml"),
    )
    voc = supervision.DetectionDataset.from_pascal_voc(
        str(tmp_path / "voc" / "JPEGImages"), str(tmp_path / "voc" / "Annotations")
    )
    for read in (yolo, voc):
        found = {Path(path).name: detections for path, _, detections in read}
        assert found["a.png"].xyxy[0].tolist() == pytest.approx([5, 6, 25, 30], abs=0.01)
        assert len(found["b.png"]) == 0


def test_our_own_training_reads_odvg(tmp_path: Path) -> None:
    pictures = [
        SetPicture("a.png", WIDE, HIGH, (LabelledBox("bottle", (5, 6, 25, 30)),), "train"),
        SetPicture("b.png", WIDE, HIGH, (), "train"),
    ]
    export_set(written(pictures, tmp_path), "odvg", tmp_path)
    odvg = tmp_path / "odvg"
    data = read_odvg(odvg / "train.jsonl", odvg / "images", odvg / "label_map.json")
    assert isinstance(data, LabelledData)
    assert len(data.pictures) == 2


def test_pictures_of_one_stem_do_not_share_their_labels(tmp_path: Path) -> None:
    pictures = [
        SetPicture("a.png", WIDE, HIGH, (LabelledBox("bottle", (5, 6, 25, 30)),), "train"),
        SetPicture("a.bmp", WIDE, HIGH, (), "train"),
    ]
    export_set(written(pictures, tmp_path), "yolo", tmp_path)
    found = {one.file: len(one.boxes) for one in read_set(tmp_path / "yolo")[1].pictures}
    assert found == {"images/train/a.png": 1, "images/train/a_bmp.bmp": 0}


def test_rejected_pictures_stay_out_and_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    pictures = [SetPicture("a.png", WIDE, HIGH), SetPicture("b.png", WIDE, HIGH, state="rejected")]
    labelled = written(pictures, tmp_path)
    export_set(replace(labelled, pictures=tuple(pictures[:1])), "coco", tmp_path)
    (tmp_path / "coco" / "old").touch()
    export_set(labelled, "coco", tmp_path)
    assert not (tmp_path / "coco" / "old").exists()
    assert [one.file for one in read_set(tmp_path / "coco")[1].pictures] == ["a.png"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_split_stays_when_pictures_are_added_and_keeps_clips_together() -> None:
    pictures = [SetPicture(f"clip{n // 10}/{n:03d}.jpg", WIDE, HIGH) for n in range(400)]
    groups = {one.file: one.file.split("/", maxsplit=1)[0] for one in pictures}
    drawn = split_pictures(pictures, [0.8, 0.1, 0.1], 3, groups)
    parts = {one.file: one.split for one in drawn}
    assert all(len({parts[f"clip{c}/{n:03d}.jpg"] for n in range(10 * c, 10 * c + 10)}) == 1 for c in range(40))
    fewer = split_pictures(pictures[:100], [0.8, 0.1, 0.1], 3, groups)
    assert all(parts[one.file] == one.split for one in fewer)
    alone = [one.split for one in split_pictures(pictures, [0.8, 0.1, 0.1], 3)]
    assert [alone.count(name) / 400 for name in ("train", "val", "test")] == pytest.approx([0.8, 0.1, 0.1], abs=0.06)


@pytest.mark.parametrize(
    ("line", "part"),
    [("9 0.5 0.5 0.1 0.1", "class 9"), ("0 0.5 0.5", "box or"), ("0 2 0.5 0.1 0.1", "0..1"), ("0 a b c d", "numbers")],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, part: str) -> None:
    export_set(written([SetPicture("a.png", WIDE, HIGH, split="train")], tmp_path), "yolo", tmp_path)
    (tmp_path / "yolo" / "labels" / "train" / "a.txt").write_text(f"\n{line}\n")
    with pytest.raises(PictureSetError, match=r"a\.txt, line 2.*" + part):
        read_set(tmp_path / "yolo")


def test_a_wrong_record_is_named(tmp_path: Path) -> None:
    export_set(written([SetPicture("a.png", WIDE, HIGH, split="train")], tmp_path), "coco", tmp_path)
    path = tmp_path / "coco" / "train.json"
    content = json.loads(path.read_text())
    content["annotations"] = [{"id": 7, "image_id": 5, "category_id": 1, "bbox": [0, 0, 1, 1]}]
    path.write_text(json.dumps(content))
    with pytest.raises(PictureSetError, match=r"annotation 7.*image_id 5"):
        read_set(path)
