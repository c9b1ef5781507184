"""Formats of a survey's results, checked by the rules that their readers apply."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from faster_coco_eval import COCO

from groundcast.launch.survey.entry import FileEntry, FoundBox, FrameEntry
from groundcast.launch.survey.formats import FORMATS, write_formats
from groundcast.launch.survey.survey_results import SurveyResults

from ..conftest import full_disk

FOX, HARE = FoundBox("fox", 0.75, (64.0, 48.0, 128.0, 240.0)), FoundBox("hare", 1.0, (0.0, 0.0, 640.0, 480.0))
ENTRIES = (
    FileEntry("in/=1+1.jpg", False, (FrameEntry(0, 0.0, 640, 480, (FOX, HARE)),), "2026-05-03 04:05:06"),
    FileEntry("in/empty\n.jpg", False, (FrameEntry(0, 0.0, 640, 480, ()),)),
    FileEntry("in/a\udce9.jpg", False, failure='cut "off", by half'),
    FileEntry("in/b.mp4", True, (FrameEntry(0, 0.0, 64, 48, ()), FrameEntry(25, 1.0, 640, 480, (FOX,))), rate_hz=25.0),
    FileEntry("in/c.mp4", True, (FrameEntry(0, 0.0, 640, 480, (HARE,)),), rate_hz=12.5, failure="broke off"),
    FileEntry("in/d.mp4", True, failure="no clip"),
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    results = SurveyResults(
        lambda: iter(ENTRIES), lambda path: path.removeprefix("in/"), ("fox", "hare", "owl"), "tabletop", 0.3
    )
    write_formats(tmp_path, list(FORMATS), results)
    return tmp_path


def check_megadetector(found: dict[str, Any]) -> None:
    """The rules of format version 1.6: https://lila.science/megadetector-output-format."""
    assert isinstance(found["info"]["format_version"], str)
    assert float(found["info"]["format_version"]) == 1.6
    categories = found["detection_categories"]
    assert all(int(number) > 0 and name for number, name in categories.items())
    assert set(found) <= {
        *("info", "detection_categories", "images", "classification_categories"),
        "classification_category_descriptions",
    }
    for image in found["images"]:
        is_video = image["file"].endswith(".mp4")
        assert not Path(image["file"]).is_absolute()
        assert "\\" not in image["file"]
        if image.get("failure") is not None:
            assert isinstance(image["failure"], str)
            assert image.get("detections") is None
        else:
            assert isinstance(image["detections"], list)
        if is_video:
            assert image["frame_rate"] > 0 or image.get("failure") is not None
            assert all(isinstance(number, int) and number >= 0 for number in image["frames_processed"])
        for one in image.get("detections") or ():
            assert one["category"] in categories
            assert isinstance(one["conf"], float)
            assert 0.0 <= one["conf"] <= 1.0
            assert len(one["bbox"]) == 4
            x, y, width, height = one["bbox"]
            assert min(x, y, width, height) >= 0.0
            assert x + width <= 1.0 + 1e-6
            assert y + height <= 1.0 + 1e-6
            assert not is_video or one["frame_number"] in image["frames_processed"]


def test_megadetector_json_keeps_the_rules_of_its_format(out: Path) -> None:
    found = json.loads((out / "megadetector.json").read_text())

    check_megadetector(found)
    assert [image["file"] for image in found["images"]] == [
        *("=1+1.jpg", "empty\n.jpg", "a\udce9.jpg", "b.mp4", "c.mp4", "d.mp4"),
    ]
    first = found["images"][0]
    assert first["datetime"] == "2026:05:03 04:05:06"
    assert first["detections"][0] == {"category": "1", "conf": 0.75, "bbox": [0.1, 0.1, 0.1, 0.4]}
    assert found["images"][3]["detections"] == [
        {"category": "1", "conf": 0.75, "bbox": [0.1, 0.1, 0.1, 0.4], "frame_number": 25}
    ]
    assert found["images"][4]["warning"] == "broke off"


def test_csv_has_a_row_for_each_detection_and_each_file_without(out: Path) -> None:
    with (out / "detections.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert [(row["file"], row["frame"], row["label"], row["failure"]) for row in rows] == [
        ("./=1+1.jpg", "0", "fox", ""),  # no formula
        ("./=1+1.jpg", "0", "hare", ""),
        ("empty\n.jpg", "", "", ""),
        (r"a\udce9.jpg", "", "", 'cut "off", by half'),
        ("b.mp4", "25", "fox", ""),
        ("c.mp4", "0", "hare", ""),
        ("c.mp4", "", "", "broke off"),
        ("d.mp4", "", "", "no clip"),
    ]
    assert [rows[0][key] for key in ("datetime", "confidence", "x1", "y2")] == [
        *("2026-05-03 04:05:06", "0.7500", "64.00", "240.00"),
    ]


def test_coco_is_read_by_a_coco_library(out: Path) -> None:
    coco = COCO(str(out / "coco.json"))

    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["fox", "hare", "owl"]
    assert len(coco.getImgIds()) == 7
    assert [one["bbox"] for one in coco.loadAnns(coco.getAnnIds(imgIds=[1]))] == [
        [64.0, 48.0, 64.0, 192.0],
        [0.0, 0.0, 640.0, 480.0],
    ]
    failed = [one for one in coco.loadImgs(coco.getImgIds()) if one.get("corrupt")]
    assert [one["file_name"] for one in failed] == ["a\udce9.jpg", "d.mp4"]


def test_json_lines_are_those_that_the_command_prints(out: Path) -> None:
    lines = [json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines()]

    assert [line["source"] for line in lines] == [
        *("in/=1+1.jpg", "in/empty\n.jpg", "in/a\udce9.jpg", "in/b.mp4", "in/b.mp4", "in/c.mp4", "in/c.mp4"),
        "in/d.mp4",
    ]
    assert lines[0]["detections"][0] == {
        "label": "fox", "confidence": 0.75, "bbox": {"x1": 64.0, "y1": 48.0, "x2": 128.0, "y2": 240.0}
    }  # fmt: skip


def test_a_file_of_results_is_whole_or_as_before(out: Path) -> None:
    before = (out / "coco.json").read_bytes()
    results = SurveyResults(lambda: iter(ENTRIES), str, ("fox", "hare"), "tabletop", None)

    with full_disk(), pytest.raises(RuntimeError, match="cannot be written"):
        write_formats(out, ["coco"], results)
    assert (out / "coco.json").read_bytes() == before
    assert not list(out.glob(".*"))
