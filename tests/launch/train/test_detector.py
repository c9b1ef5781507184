"""`groundcast train detector`: own pictures in, weights out that find what they show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundcast.model.config import ModelConfig
from groundcast.model.weights.checkpoint import read_checkpoint

from ...model.tiny import write_tiny
from ...model.training.shapes_set import write_shapes
from ..commands import in_process
from ..reports import check_report

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

QUICK = ("--batch", "2", "--checkpoint-every", "1", "--negatives", "3", "--json")


def test_a_model_learns_new_words_is_judged_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_shapes(tmp_path / "shapes", 4)
    boxes = json.loads(path.read_text())["annotations"]
    run = ["train", "detector", path, path.parent, "--model", write_tiny(tmp_path), "--folder", tmp_path / "run"]
    run += ["--validate", path, "--size", "80", *QUICK]

    first = in_process(capsys, *run, "--steps", "1")
    second = in_process(capsys, *run, "--steps", "2")
    again = in_process(capsys, *run, "--steps", "2")
    fewer = in_process(capsys, *run, "--steps", "1")

    assert (first.code, second.code, again.code) == (0, 0, 0), first.err + second.err + again.err
    judged = [json.loads(line) for line in (tmp_path / "run" / "validation.jsonl").read_text().splitlines()]
    assert [one["step"] for one in judged] == [1, 2]
    best = max(judged, key=lambda one: one["AP"])
    result = json.loads(again.out.splitlines()[-1])
    assert result["best_step"] == best["step"]
    assert "step 2: AP" in second.err
    assert "step 1/" not in second.err
    assert check_report(tmp_path / "run") == {"curve", "pr", "confusion", "samples_1"}
    assert first.err.splitlines()[0] == f"reading {len(boxes)} annotations of 4 pictures: {path}"
    kept = json.loads((tmp_path / "run" / "best.json").read_text())
    assert kept["step"] == best["step"]
    assert kept["recipe"]["training"]["steps"] in (1, 2)
    assert {"red", "box", "disc", "mug"} <= set(kept["vocabulary"])
    assert kept["config"]["input_pixels"] == round(80**2 * 4 / 3)
    assert kept["config"]["name"] == "run"  # its own, not that of what it began with
    assert len({(tmp_path / "run" / f"{name}.safetensors").stat().st_mode for name in ("last", "best")}) == 1
    assert fewer.code == 2
    assert "has been trained for 2 steps already" in fewer.sentence
    found = in_process(capsys, "detect", path.parent / "1.png", "--prompt", "green disc", "--model", result["weights"])
    assert found.code == 0, found.err


def test_an_edge_model_begins_from_nothing_on_lines_of_odvg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_shapes(tmp_path, 2)
    box = {"bbox": [10, 10, 40, 40], "phrase": "a wooden spoon"}
    sizes = {"width": 128, "height": 96}
    lines = [{"filename": f"{number}.png", **sizes, "grounding": {"regions": [box]}} for number in (1, 2)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    ended = in_process(
        capsys,
        *("train", "detector", tmp_path / "data.jsonl", tmp_path, "--from-nothing", "--folder", tmp_path / "run"),
        *("--steps", "1", "--size", "96", *QUICK),
    )

    assert ended.code == 0, ended.err
    checkpoint = read_checkpoint(tmp_path / "run" / "best.safetensors")
    assert isinstance(checkpoint.config, ModelConfig)
    assert checkpoint.known_wordings == ("a wooden spoon",)
    assert checkpoint.config.input_pixels == 96 * 128


def test_data_sets_are_learnt_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_shapes(tmp_path / "shapes", 3)
    other = write_shapes(tmp_path / "others", 3, seed=1)
    content = json.loads(other.read_text())
    for image in content["images"]:
        image["license"] = "CC BY 4.0"
    for category in content["categories"]:
        category["name"] = f"{category['name']} toy"
    other.write_text(json.dumps(content))
    command = ["train", "detector", path, path.parent, "--model", write_tiny(tmp_path), "--folder", tmp_path / "run"]

    ended = in_process(capsys, *command, "--mix", f"0.4,{other},{other.parent}", "--steps", "1", *QUICK)

    assert ended.code == 0, ended.err
    kept = json.loads((tmp_path / "run" / "best.json").read_text())
    assert {"red box", "red box toy"} <= set(kept["known_wordings"])
    assert kept["learnt_from"]["pictures"] == 6
    assert "|  | 3 | CC BY 4.0 | attribution |  |" in (tmp_path / "run" / "ATTRIBUTIONS.md").read_text()


Change = Callable[[dict[str, Any]], object]


def _unknown_category(content: dict[str, Any]) -> None:
    content["annotations"][0]["category_id"] = 77


def _outside(content: dict[str, Any]) -> None:
    content["annotations"][1]["bbox"] = [90, 1, 80, 5]


@pytest.mark.parametrize(
    ("arguments", "change", "said"),
    [
        (["--only", "legs"], None, "--only 'legs' is unknown: write backbone, language, fusion, decoder"),
        (["--model", "lost.pth"], None, "no weights at lost.pth"),
        (["--device", "gpu"], None, "'gpu' is no device"),
        (["--folder", __file__], None, "cannot be written (File exists): name another folder"),
        (["--mix", "much,a.json,b"], None, "--mix 'much,a.json,b' is no source: write SHARE,ANNOTATIONS,PICTURES"),
        (["--mix", "0.5,lost.json,b", "--mix", "0.5,lost.json,b"], None, "the shares must add up to less than 1"),
        (["--mix", "0.5,lost.json,b"], None, "annotations lost.json cannot be read"),
        (["--validate", "lost.json"], None, "annotations lost.json cannot be read"),
        ([], _unknown_category, "its category 77 is not in the list of categories"),
        ([], _outside, "reaches out of its picture of 128x96 px"),
    ],
)
def test_wrong_input_is_named_before_anything_is_learnt(
    arguments: list[str], change: Change | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_shapes(tmp_path / "shapes", 3)
    if change is not None:
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
    model = [] if "--model" in arguments else ["--model", write_tiny(tmp_path)]

    ended = in_process(
        capsys,
        "train",
        "detector",
        path,
        path.parent,
        *model,
        "--folder",
        tmp_path / "run",
        "--steps",
        "1",
        *QUICK,
        *arguments,
    )

    assert ended.code == 2
    assert said in ended.sentence
    assert not (tmp_path / "run" / "best.safetensors").exists()


def test_what_is_judged_is_asked_as_the_model_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_shapes(tmp_path / "shapes", 2)
    content = json.loads(path.read_text())
    content["categories"][0]["name"] = "T.V. Set"
    judged = path.with_name("judged.json")
    judged.write_text(json.dumps(content))

    ended = in_process(
        capsys,
        *("train", "detector", path, path.parent, "--model", write_tiny(tmp_path), "--folder", tmp_path / "run"),
        *("--validate", judged, "--steps", "1", *QUICK),
    )

    assert ended.code == 0, ended.err


def test_a_folder_of_another_training_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_shapes(tmp_path / "shapes", 2)
    common = ["train", "detector", path, path.parent, "--folder", tmp_path / "run", "--steps", "1", *QUICK]
    assert in_process(capsys, *common, "--from-nothing", "--size", "96").code == 0
    ended = in_process(capsys, *common, "--model", write_tiny(tmp_path))
    assert ended.code == 2
    assert "is of a run with another first weights" in ended.sentence
