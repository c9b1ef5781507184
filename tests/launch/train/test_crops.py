"""`groundcast train detector --crop-steps`: the stage before, as a user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ...model.tiny import write_tiny
from ...model.training.shapes_set import write_shapes
from ..commands import in_process
from ..reports import check_report

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

QUICK = ("--steps", "1", "--batch", "2", "--size", "80", "--negatives", "2", "--noised", "0", "--json")


@pytest.mark.slow
def test_the_stage_says_what_it_does_leaves_its_curve_and_is_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_shapes(tmp_path / "shapes", 3)
    objects = len(json.loads(path.read_text())["annotations"])
    run = ["train", "detector", path, path.parent, "--model", write_tiny(tmp_path), "--folder", tmp_path / "run"]
    run += ["--validate", path, "--crop-steps", "2", "--crop-batch", "4", *QUICK]

    first = in_process(capsys, *run)
    again = in_process(capsys, *run)
    other = in_process(capsys, *run, "--crop-batch", "8")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    lines = first.err.splitlines()
    classes = len({one["category_id"] for one in json.loads(path.read_text())["annotations"]})
    assert f"telling {classes} classes apart on {objects} objects of 3 pictures, 2 steps of 4 crops" in lines
    assert [line.partition(":")[0] for line in lines if line.startswith(("crop step", "step"))] == [
        "crop step 2/2",
        "crop step 2",
        "step 1/1",
        "step 1",
    ]
    assert "pictures/s" in next(line for line in lines if line.startswith("crop step 2/2"))
    assert "crop step" not in again.err
    assert check_report(tmp_path / "run") == {"curve", "curve_crops", "pr", "confusion", "samples_1"}
    assert "crops, step 2" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    points = [json.loads(one) for one in (tmp_path / "run" / "crops" / "curve.jsonl").read_text().splitlines()]
    assert set(points[0]["parts"]) == {"map 1", "map 2", "map 3"}
    assert json.loads((tmp_path / "run" / "best.json").read_text())["recipe"]["crops"]["steps"] == 2
    assert other.code == 2
    assert "is of a run with another stage on crops" in other.sentence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bbox": [10, 10, 5, 5]}, "have no box of 8 px or more to cut out: leave --crop-steps away"),
        ({"category_id": 1}, "are all of one class, which leaves none to tell apart: leave --crop-steps away"),
    ],
)
def test_what_the_stage_cannot_learn_from_is_said_in_one_sentence(
    change: dict[str, object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_shapes(tmp_path / "shapes", 2)
    content = json.loads(path.read_text())
    content["annotations"] = [one | change for one in content["annotations"]]
    path.write_text(json.dumps(content))

    ended = in_process(
        capsys,
        *("train", "detector", path, path.parent, "--model", write_tiny(tmp_path), "--folder", tmp_path / "run"),
        *("--crop-steps", "1", *QUICK),
    )

    assert ended.code == 2
    assert said in ended.sentence
