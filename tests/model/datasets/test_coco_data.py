"""COCO data sets: errors name the file and record, before anything is detected."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from groundcast.model.datasets.coco_data import CocoCategory, read_coco, read_picture
from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.pictures.orientation import ORIENTATIONS

from ..stored_pictures import jpeg, scene, turned_file
from .coco_sets import draw_set, write_set

Content = dict[str, Any]


def _box(content: Content, box: list[float]) -> None:
    content["annotations"][4]["bbox"] = box


def _unsay(content: Content, kind: str, key: str) -> None:
    del content[kind][0][key]


SPOILT: list[tuple[Callable[[Content], object], str]] = [
    (lambda c: c.pop("images"), "instances.json have no list 'images'"),
    (lambda c: c.update(images=[]), "list no images"),
    (lambda c: c.update(categories=[]), "list no categories"),
    (lambda c: c["images"].append(7), "instances.json, entry 12 of 'images' (counted from 0)"),
    (lambda c: c["images"].append(c["images"][0]), "this id stands twice"),
    (lambda c: _unsay(c, "images", "file_name"), "'file_name' is missing"),
    (lambda c: _unsay(c, "images", "width"), "'width' is missing, which must be a whole number"),
    (lambda c: c["images"][0].update(height=0), "its size is 320x0"),
    (lambda c: c["images"][0].update(file_name="lost.png"), "lost.png; 1 of 12 pictures are missing"),
    (lambda c: c["annotations"][4].update(category_id=99), "annotation 5: its category 99 is not in the list"),
    (lambda c: c["annotations"][4].update(image_id=9999), "annotation 5: its image 9999 is not in the list"),
    (lambda c: c["annotations"][4].update(image_id="x"), "annotation 5: 'image_id' is \"x\", which must be"),
    (lambda c: _box(c, [1, 2, 3]), "annotation 5: 'bbox' is [1, 2, 3], which must be four numbers"),
    (lambda c: _box(c, [1, 2, float("nan"), 4]), "annotation 5: 'bbox' is [1, 2, NaN, 4], which must be"),
    (lambda c: _box(c, [10, 10, 0, 5]), "annotation 5: its box [10.0, 10.0, 0.0, 5.0] has no area, image"),
    (lambda c: _box(c, [300, 10, 40, 5]), "annotation 5: its box [300.0, 10.0, 40.0, 5.0] reaches out of its picture"),
    (lambda c: c["categories"][0].update(name="--"), "category 2: its name '--' has no words"),
    (lambda c: c.update(annotations=[]), "hold no object that counts"),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
def test_what_does_not_fit_is_named(tmp_path: Path, spoil: Callable[[Content], object], said: str) -> None:
    content = draw_set(1)
    write_set(tmp_path, content)
    spoil(content)
    (tmp_path / "instances.json").write_text(json.dumps(content))

    with pytest.raises(CocoError) as raised:
        read_coco(tmp_path / "instances.json", tmp_path)

    assert said in str(raised.value)
    assert "instances.json" in str(raised.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "are not JSON (line 1, column 2"),
        (b"\xff\xfe\x00\xd8", "are not JSON"),
        (b"[]", "do not hold COCO's lists"),
        (None, "cannot be read (No such file"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, raw: bytes | None, said: str) -> None:
    path = tmp_path / "instances.json"
    if raw is not None:
        path.write_bytes(raw)

    with pytest.raises(CocoError) as raised:
        read_coco(path, tmp_path)

    assert said in str(raised.value)
    assert str(path) in str(raised.value)


def test_odd_boxes_are_kept_and_counted_where_that_is_asked_for(tmp_path: Path) -> None:
    content = draw_set(1)
    content["annotations"][4]["bbox"] = [10, 10, 0, 5]

    data = read_coco(write_set(tmp_path, content), tmp_path, keep_odd_boxes=True)

    assert data.source.odd_boxes == 1
    assert [list(box.box_xywh) for box in data.boxes] == [one["bbox"] for one in content["annotations"]]


def test_a_limit_uses_the_first_pictures_and_needs_no_others(tmp_path: Path) -> None:
    content = draw_set(1)
    path = write_set(tmp_path, content)
    (tmp_path / content["images"][5]["file_name"]).unlink()

    data = read_coco(path, tmp_path, limit=5)

    assert [picture.number for picture in data.pictures] == [image["id"] for image in content["images"][:5]]
    used = {picture.number for picture in data.pictures}
    assert [box.picture for box in data.boxes] == [
        one["image_id"] for one in content["annotations"] if one["image_id"] in used
    ]


def test_lvis_finds_its_pictures_by_url_and_needs_its_own_fields(tmp_path: Path) -> None:
    content = draw_set(1)
    path = write_set(tmp_path / "val2017", content)
    for image in content["images"]:
        image["coco_url"] = f"http://images.cocodataset.org/val2017/{image.pop('file_name')}"
    path.write_text(json.dumps(content))

    assert read_coco(path, tmp_path, lvis=True).pictures == read_coco(path, tmp_path / "val2017", lvis=True).pictures
    del content["images"][3]["neg_category_ids"]
    path.write_text(json.dumps(content))
    with pytest.raises(CocoError, match="'neg_category_ids' is missing"):
        read_coco(path, tmp_path, lvis=True)


def test_a_heading_above_other_categories_is_not_asked_for(tmp_path: Path) -> None:
    content = draw_set(1)
    for one in content["categories"]:
        one["supercategory"] = "things"
    content["categories"].insert(0, {"id": 0, "name": "things", "supercategory": "none"})

    data = read_coco(write_set(tmp_path, content), tmp_path)

    assert "things" not in [one.name for one in data.categories]
    assert len(data.categories) == len(content["categories"]) - 1


@pytest.mark.parametrize(
    ("name", "wording"),
    [("red cube", "red cube"), ("bow_(weapon)", "bow"), ("can, small", "can, small"), ("(hand)", "(hand)")],
)
def test_a_category_is_asked_for_by_its_name_in_plain_words(name: str, wording: str) -> None:
    assert CocoCategory(1, name).wording == wording


def test_a_picture_of_another_size_or_none_is_named(tmp_path: Path) -> None:
    content = draw_set(1)
    first, second = read_coco(write_set(tmp_path, content), tmp_path).pictures[:2]
    cv2.imwrite(str(first.file), np.zeros((20, 10, 3), np.uint8))
    second.file.write_bytes(b"no picture")

    with pytest.raises(CocoError, match="has 10x20 px, but the annotations say 320x240"):
        read_picture(first)
    with pytest.raises(CocoError, match="cannot be read"):
        read_picture(second)


def _first_as(folder: Path, name: str, **changes: object) -> tuple[Path, Path]:
    """A drawn set whose first picture is a file of another name, yet to be written; returns annotations and file."""
    content = draw_set(1)
    path = write_set(folder, content)
    content["images"][0].update(file_name=name, **changes)
    path.write_text(json.dumps(content))
    return path, folder / name


@pytest.mark.parametrize("end", [b"", bytes(5000)], ids=["cut off", "not fetched"])
def test_half_a_picture_is_refused_before_anything_is_learnt(end: bytes, tmp_path: Path) -> None:
    path, picture = _first_as(tmp_path, "half.jpg")
    data = jpeg(np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8))
    picture.write_bytes(data)
    read_coco(path, tmp_path)
    picture.write_bytes(data[: len(data) * 6 // 10] + end)
    with pytest.raises(CocoError, match=r"image \d+: picture .*half.jpg cannot be read \(.*cut off"):
        read_coco(path, tmp_path)


@pytest.mark.parametrize(("width", "height"), [(640, 240), (320, 480), (160, 120)])
def test_a_size_that_is_not_the_pictures_is_refused_before_anything_is_learnt(
    width: int, height: int, tmp_path: Path
) -> None:
    path, picture = _first_as(tmp_path, "a.png", width=width, height=height)
    cv2.imwrite(str(picture), np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(CocoError, match=f"has 320x240 px, but the annotations say {width}x{height}"):
        read_coco(path, tmp_path, keep_odd_boxes=True)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_boxes_belong_to_the_upright_picture_and_turned_ones_are_counted(orientation: int, tmp_path: Path) -> None:
    path, picture = _first_as(tmp_path, "turned.jpg")
    turned_file(picture, scene(320, 240), orientation)
    data = read_coco(path, tmp_path)
    assert data.source.turned == (orientation != 1)
    assert np.abs(read_picture(data.pictures[0]).astype(int) - scene(320, 240)).mean() < 4


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_size_of_the_stored_pixels_is_refused_with_what_to_do(orientation: int, tmp_path: Path) -> None:
    path, picture = _first_as(tmp_path, "turned.jpg", width=240, height=320)
    turned_file(picture, scene(320, 240), orientation)
    with pytest.raises(CocoError, match="as it is seen, turned by its EXIF"):
        read_coco(path, tmp_path, keep_odd_boxes=True)


def test_a_file_of_several_pictures_is_refused(tmp_path: Path) -> None:
    path, picture = _first_as(tmp_path, "moving.gif")
    frames = [Image.fromarray(np.full((240, 320), level, np.uint8)) for level in (10, 90)]
    frames[0].save(picture, save_all=True, append_images=frames[1:])
    with pytest.raises(CocoError, match=r"moving\.gif holds 2 pictures"):
        read_coco(path, tmp_path)
