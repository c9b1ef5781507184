"""The example that trains on parts of the photographs: the parts, and a run of the script."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest

from ...model.tiny import write_tiny
from ...model.training.shapes_set import write_shapes

SCRIPT = Path(__file__).parents[3] / "docs" / "examples" / "learning_curve.py"


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("learning_curve", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _ids(content: dict[str, Any]) -> set[int]:
    return {one["id"] for one in content["images"]}


def test_a_smaller_part_is_in_each_larger_one_with_its_boxes() -> None:
    images = [{"id": number} for number in range(40)]
    annotations = [{"id": number, "image_id": number % 40} for number in range(120)]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cup"}]}

    quarter, half, whole = _example().subsets(content, (25, 50, 100), 3)
    again, other = (_example().subsets(content, (25,), seed)[0] for seed in (3, 4))

    assert [len(_ids(part)) for part in (quarter, half, whole)] == [10, 20, 40]
    assert _ids(quarter) < _ids(half) < _ids(whole)
    assert all({one["image_id"] for one in part["annotations"]} == _ids(part) for part in (quarter, half, whole))
    assert _ids(again) == _ids(quarter) != _ids(other)
    assert quarter["categories"] == content["categories"]


@pytest.mark.slow
def test_the_script_trains_on_each_part_and_plots_what_came_of_it(tmp_path: Path) -> None:
    pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")
    path = write_shapes(tmp_path / "shapes", 4)
    own = ["--validate", path, "--steps", "1", "--shares", "50,100", "--folder", tmp_path / "curve"]
    training = ["--model", write_tiny(tmp_path), "--batch", "2", "--size", "80", "--negatives", "2", "--noised", "0"]

    done = subprocess.run(
        [sys.executable, SCRIPT, path, path.parent, *own, "--", *training],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )

    assert done.returncode == 0, done.stderr
    points = json.loads((tmp_path / "curve" / "learning_curve.json").read_text())
    assert [(one["share"], one["pictures"]) for one in points] == [(50, 2), (100, 4)]
    rows = [line.split() for line in done.stdout.splitlines() if line.strip()[:3] in ("50%", "100")]
    assert [row[:2] for row in rows] == [["50%", "2"], ["100%", "4"]]
    assert cv2.imread(str(tmp_path / "curve" / "learning_curve.png")) is not None
