"""Federated data: unstated classes are no negative examples in training and do not count in evaluation."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from groundcast.model.datasets.coco_data import CocoData, read_coco
from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.datasets.labelled import labelled_coco
from groundcast.model.evaluation.coco_judge import judge_as_coco, judge_as_lvis

from .coco_sets import draw_found, draw_set, write_set

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")


def _set(folder: Path, images: list[dict[str, Any]]) -> Path:
    """Two categories; the first picture has a red box, the second a blue one."""
    content = {
        "images": [
            {"id": number, "file_name": f"{number}.png", "width": 64, "height": 48, **image}
            for number, image in enumerate(images, 1)
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 20, 20], "area": 400, "iscrowd": 0},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [4, 4, 20, 20], "area": 400, "iscrowd": 0},
        ],
        "categories": [{"id": 1, "name": "red box"}, {"id": 2, "name": "blue box"}, {"id": 3, "name": "green box"}],
    }
    return write_set(folder, content)


def _read(folder: Path, *exhaustive: list[str]) -> CocoData:
    return read_coco(_set(folder, [{"exhaustive_for": names} for names in exhaustive]), folder)


def test_exhaustive_names_say_what_is_absent_and_what_is_loose(tmp_path: Path) -> None:
    data = _read(tmp_path, ["red box", "green box"], [])

    first, second = data.pictures
    assert data.is_federated
    assert (first.absent, first.not_exhaustive) == ((3,), ())
    assert (second.absent, second.not_exhaustive) == ((), (2,))


def test_only_what_is_known_to_be_absent_is_a_negative_example(tmp_path: Path) -> None:
    labelled = labelled_coco(_read(tmp_path, ["red box", "green box"], ["blue box"]))

    first, second = labelled.pictures
    assert first.absent is not None
    assert [labelled.wordings[row] for row in first.absent] == ["green box"]
    assert second.absent == ()


def test_a_set_without_the_list_is_annotated_completely(tmp_path: Path) -> None:
    data = read_coco(_set(tmp_path, [{}, {}]), tmp_path)

    assert not data.is_federated
    assert labelled_coco(data).pictures[0].absent is None


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([{"exhaustive_for": ["red box"]}, {}], r"image 2: 'exhaustive_for' is missing, which other images"),
        ([{"exhaustive_for": ["mug"]}, {"exhaustive_for": []}], r"image 1: 'exhaustive_for' names 'mug', which is not"),
        ([{"exhaustive_for": 3}, {"exhaustive_for": []}], r"image 1: 'exhaustive_for' is 3, which must be"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, images: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(CocoError, match=said):
        read_coco(_set(tmp_path, images), tmp_path)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_list_is_judged_as_lvis_s_own_lists_are(tmp_path: Path, seed: int) -> None:
    content = draw_set(seed)
    for annotation in content["annotations"]:
        annotation["iscrowd"] = 0  # LVIS knows no crowds
    found = draw_found(content, seed + 100)
    lvis = judge_as_lvis(read_coco(write_set(tmp_path, content), tmp_path, lvis=True), found).figures
    federated = copy.deepcopy(content)
    names = {one["id"]: one["name"] for one in content["categories"]}
    for image in federated["images"]:
        present = {one["category_id"] for one in content["annotations"] if one["image_id"] == image["id"]}
        complete = (present - set(image.pop("not_exhaustive_category_ids"))) | set(image.pop("neg_category_ids"))
        image["exhaustive_for"] = sorted(names[one] for one in complete)
    for category in federated["categories"]:
        del category["frequency"]
    path = tmp_path / "federated.json"
    path.write_text(json.dumps(federated))

    data = read_coco(path, tmp_path)

    figures = judge_as_lvis(data, found).figures
    assert figures == {name: value for name, value in lvis.items() if name in figures}
    assert set(lvis) - set(figures) == {"APr", "APc", "APf"}  # of frequencies, which only LVIS states
    assert judge_as_coco(data, found).figures["AP"] < figures["AP"]  # where the unknown counts as wrong
