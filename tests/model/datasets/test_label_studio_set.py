"""Label Studio's tasks: ours come back, its own exports are read, and what cannot be read is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from groundcast.launch.label.set_inputs import read_set
from groundcast.model.datasets.label_studio_set import read_label_studio
from groundcast.model.datasets.picture_set import LabelledBox, PictureSetError, SetPicture
from groundcast.model.datasets.set_export import export_set
from groundcast.model.masks.mask import mask_of, pixels_of

from .test_set_export import HIGH, NAMES, OUTLINES, WIDE, pixels_with_a_hole, sets, written


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pictures=sets())
def test_all_comes_back(pictures: tuple[SetPicture, ...], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("set")
    assert export_set(written(pictures, folder), "labelstudio", folder) == []

    kind, again = read_set(folder / "labelstudio")

    assert (kind, again.names) == ("labelstudio", NAMES)
    for old, new in zip(pictures, again.pictures, strict=True):
        assert (new.file, new.split, new.state, new.width) == (old.file, old.split, old.state, old.width)
        assert [(b.name, b.score, b.crowd) for b in new.boxes] == [(b.name, b.score, b.crowd) for b in old.boxes]
        for mine, theirs in zip(old.boxes, new.boxes, strict=True):
            assert theirs.box_xyxy == pytest.approx(mine.box_xyxy, abs=1e-9)


def test_masks_polygons_and_states_come_back(tmp_path: Path) -> None:
    pixels = pixels_with_a_hole()
    boxes = (
        LabelledBox("bottle", (5, 5, 25, 25), 0.5, mask=mask_of(pixels, 1.0)),
        LabelledBox("キー", (1.0, 2.0, 30.5, 20.0), outlines=OUTLINES[:1]),
        LabelledBox("キー", (1.0, 2.0, 50.0, 20.0), outlines=OUTLINES),
    )
    pictures = [SetPicture("a.png", WIDE, HIGH, boxes, state="checked"), SetPicture("b.png", WIDE, HIGH, ())]
    said = export_set(written(pictures, tmp_path), "labelstudio", tmp_path)

    first, second = read_set(tmp_path / "labelstudio")[1].pictures

    assert any("1 objects in several parts become several" in one for one in said)
    assert (first.state, second.state, second.boxes) == ("checked", "new", ())
    assert first.boxes[0].mask is not None
    assert np.array_equal(pixels_of(first.boxes[0].mask), pixels)
    for box, outline in zip(first.boxes[1:], (OUTLINES[0], OUTLINES[0], OUTLINES[1]), strict=True):
        assert box.outlines[0] == pytest.approx(outline)


def region(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": WIDE, "original_height": HIGH, "image_rotation": 0}
    return {"id": "x", "from_name": "l", "to_name": "image", "type": kind, "value": value, **size, **more}


def read(tmp_path: Path, *tasks: Any) -> tuple[SetPicture, ...]:
    path = tmp_path / "project-1.json"
    path.write_text(json.dumps(list(tasks)))
    return read_label_studio(path, tmp_path).pictures


def test_an_export_of_label_studio_is_read(tmp_path: Path) -> None:
    written([SetPicture("a b.png", WIDE, HIGH)], tmp_path)
    (tmp_path / "source" / "a b.png").rename(tmp_path / "a b.png")
    square = {"x": 10.0, "y": 20.0, "width": 50.0, "height": 25.0, "rotation": 0, "rectanglelabels": ["cup"]}
    turned = {**square, "rotation": 90}
    round_ = {"x": 50.0, "y": 50.0, "radiusX": 10.0, "radiusY": 20.0, "rotation": 0, "ellipselabels": ["cup"]}
    old: dict[str, Any] = {"updated_at": "2024-01-01", "result": []}
    new = {
        "updated_at": "2024-02-01",
        "result": [
            region("rectanglelabels", square, score=0.25),
            region("rectanglelabels", turned),
            region("ellipselabels", round_),
            {"type": "choices", "value": {"choices": ["good"]}, "from_name": "c", "to_name": "image"},
        ],
    }
    cancelled: dict[str, Any] = {"was_cancelled": True, "result": []}
    pictures = read(
        tmp_path,
        {"data": {"image": "/data/upload/3/0a1b2c3d-a%20b.png"}, "annotations": [new, old]},
        {"data": {"url": "s3://bucket/x/a%20b.png", "width": 60, "height": 40}, "annotations": [cancelled]},
        {"data": {"image": "a b.png"}, "predictions": [{"result": [region("rectanglelabels", square)]}]},
        {"data": {"image": "a b.png"}, "annotations": []},
    )

    assert {one.file for one in pictures} == {"a b.png"}
    assert [one.state for one in pictures] == ["checked", "rejected", "new", "new"]
    assert [(one.width, one.height) for one in pictures] == [(WIDE, HIGH)] * 4
    boxes = pictures[0].boxes
    assert (boxes[0].box_xyxy, boxes[0].score) == ((6.0, 8.0, 36.0, 18.0), 0.25)
    assert boxes[1].box_xyxy == pytest.approx((-4.0, 8.0, 6.0, 38.0))  # turned about its upper left corner
    assert boxes[2].box_xyxy == pytest.approx((24.0, 12.0, 36.0, 28.0))
    assert len(pictures[2].boxes) == 1


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"image": "a.png", "label": []}, "not as JSON-MIN"),
        ({"data": {}}, "name no picture"),
        ({"data": {"image": "none.png"}}, "size of .* is not known"),
        ({"data": {"image": "a"}, "annotations": [{"result": [region("keypointlabels", {})]}]}, "keypointlabels"),
        (
            {"data": {"image": "a"}, "annotations": [{"result": [region("polygonlabels", {"polygonlabels": ["x"]})]}]},
            "at least three points",
        ),
        (
            {
                "data": {"image": "a"},
                "annotations": [{"result": [region("brushlabels", {"rle": [1], "brushlabels": ["x"]})]}],
            },
            "cut off",
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_its_task(tmp_path: Path, task: dict[str, Any], said: str) -> None:
    with pytest.raises(PictureSetError, match=said):
        read(tmp_path, task)


def test_a_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    for text in ("[]", "[1]", "{", "[{}"):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(PictureSetError, match=r"x\.json"):
            read_label_studio(tmp_path / "x.json", tmp_path)
