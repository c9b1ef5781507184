"""ODVG data sets: lines are read, and errors name the line."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.datasets.labelled import LabelledData
from groundcast.model.datasets.odvg_data import read_odvg

Line = dict[str, Any]


def _lines() -> list[Line]:
    size = {"height": 40, "width": 60}
    instances = [
        {"bbox": [1, 2, 31, 22], "label": 1, "category": "Red_Mug"},
        {"bbox": [5.5, 6, 20, 39], "label": 0},
    ]
    regions = [
        {"bbox": [[0, 0, 10, 10], [20, 20, 30, 30]], "phrase": "two cups"},
        {"bbox": [3, 3, 9, 9], "phrase": ["the left cup", "a cup"]},
    ]
    return [
        {"filename": "a.png", **size, "detection": {"instances": instances}},
        {"filename": "b.png", **size, "grounding": {"caption": "Two cups.", "regions": regions}},
        {"filename": "c.png", **size, "detection": {"instances": []}},
    ]


def _read(folder: Path, lines: list[Line], *, keep_odd_boxes: bool = False) -> LabelledData:
    for name in "abc":
        cv2.imwrite(str(folder / f"{name}.png"), np.zeros((40, 60, 3), np.uint8))
    (folder / "labels.json").write_text('{"0": "ball", "1": "mug", "2": "cone"}')
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_odvg(path, folder, folder / "labels.json", keep_odd_boxes=keep_odd_boxes)


def test_detection_lines_know_what_is_absent_and_grounding_lines_do_not(tmp_path: Path) -> None:
    data = _read(tmp_path, _lines())
    first, second, third = data.pictures
    wordings = [[data.wordings[row] for row in own] for own in first.answers]
    assert wordings == [["red_mug"], ["ball"]]
    np.testing.assert_array_equal(first.boxes_xyxy, np.array([[1, 2, 31, 22], [5.5, 6, 20, 39]], np.float32))
    assert first.absent is not None
    assert third.absent is not None
    assert {data.wordings[row] for row in third.absent} == {"ball", "mug", "cone"}
    assert [[data.wordings[row] for row in own] for own in second.answers] == [
        ["two cups"],
        ["two cups"],
        ["the left cup", "a cup"],
    ]
    assert second.absent == ()


Change = Callable[[list[Line]], object]
FAULTS: list[tuple[Change, str]] = [
    (lambda c: c[0].pop("filename"), r"line 1: 'filename' is missing"),
    (lambda c: c[1].pop("grounding"), r"line 2: it must hold either 'detection' or 'grounding'"),
    (lambda c: c[1].update(width=0), r"line 2: its size is 0x40"),
    (lambda c: c[0]["detection"]["instances"][1].update(label=9), r"line 1, .*entry 1 .*: its label 9 is not in"),
    (lambda c: c[0]["detection"]["instances"][0].update(bbox=[1, 2, 3]), r"line 1, .*entry 0 .*'bbox' is \[1, 2, 3\]"),
    (lambda c: c[0]["detection"]["instances"][0].update(bbox=[9, 2, 9, 8]), r"entry 0 .* has no area; boxes like"),
    (lambda c: c[1]["grounding"]["regions"][1].update(bbox=[1, 2, 99, 8]), r"line 2, .*entry 1 .*reaches out of its"),
    (lambda c: c[1]["grounding"]["regions"][0].update(phrase=["..."]), r"line 2, .*entry 0 .* has no words"),
    (lambda c: c[1]["grounding"]["regions"][0].update(phrase=3), r"entry 0 .*'phrase' is 3, which must be text"),
    (lambda c: c[2].update(width=120), r"line 3: picture .*c.png has 60x40 px, but the annotations say 120x40: mend"),
    (lambda c: c[2].update(filename="lost.png"), r"line 3: no picture at .*lost.png; 1 of 3 pictures are missing"),
    (lambda c: c.clear(), r"hold no lines"),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_what_does_not_fit_is_named(change: Change, said: str, tmp_path: Path) -> None:
    lines = _lines()
    change(lines)
    with pytest.raises(CocoError, match=said):
        _read(tmp_path, lines)


def test_odd_boxes_are_cut_to_their_picture_where_that_is_wanted(tmp_path: Path) -> None:
    lines = _lines()
    lines[0]["detection"]["instances"][0]["bbox"] = [-9, 2, 99, 8]
    lines[0]["detection"]["instances"][1]["bbox"] = [9, 2, 9, 8]
    data = _read(tmp_path, lines, keep_odd_boxes=True)
    np.testing.assert_array_equal(data.pictures[0].boxes_xyxy, np.array([[0, 2, 60, 8]], np.float32))
    assert len(data.pictures[0].answers) == 1


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"filename": "a.png"\n')
    with pytest.raises(CocoError, match="line 1: it is not JSON"):
        read_odvg(path, tmp_path)
    with pytest.raises(CocoError, match="cannot be read"):
        read_odvg(tmp_path / "lost.jsonl", tmp_path)
    (tmp_path / "labels.json").write_text("[]")
    with pytest.raises(CocoError, match="must be an object"):
        read_odvg(path, tmp_path, tmp_path / "labels.json")
