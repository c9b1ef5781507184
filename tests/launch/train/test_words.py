"""`groundcast train words`: a model answers to the classes that it learnt well, and to no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from groundcast.model.weights.checkpoint import read_checkpoint

from ...model.tiny import write_tiny
from ..commands import in_process
from ..conftest import full_disk

TABLE = """class,AP,AP50,pictures,instances
cube,0.4000,0.6000,9,12
mug,0.2000,0.2900,9,12
ball,0.9000,1.0000,2,2
"""


def _choose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, *more: str | Path
) -> tuple[int, str, str, Path]:
    classes, out = tmp_path / "classes.csv", tmp_path / "shop.safetensors"
    classes.write_text(table)
    ended = in_process(capsys, "train", "words", write_tiny(tmp_path), classes, "--out", out, *more)
    return ended.code, ended.out, ended.err, out


def test_only_the_words_that_were_learnt_well_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words.json"
    words.write_text(json.dumps({"cube": {"wordings": ["red cube", "a die"]}}))

    code, out, err, path = _choose(tmp_path, capsys, TABLE, "--words", words, "--json")

    assert code == 0, err
    assert json.loads(out)["classes"] == ["cube"]
    kept, before = read_checkpoint(path), read_checkpoint(write_tiny(tmp_path))
    assert kept.config.name == "shop"
    assert kept.known_wordings == ("cube", "red cube")  # it was never taught 'a die'
    assert all(torch.equal(kept.weights[name], before.weights[name].half().float()) for name in before.weights)
    described = json.loads(path.with_suffix(".json").read_text())
    assert described["words_chosen_by"] == {"min_ap50": 0.3, "min_pictures": 3}


def test_the_bounds_decide_which_classes_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err, path = _choose(tmp_path, capsys, TABLE, "--min-ap50", "0.29", "--min-pictures", "2")

    assert code == 0, err
    assert read_checkpoint(path).known_wordings == ("ball", "cube", "mug")


def test_the_models_folder_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "models" / "today" / "shop.safetensors"
    code, _, err, _ = _choose(tmp_path, capsys, TABLE, "--out", out)

    assert code == 0, err
    assert read_checkpoint(out).known_wordings == ("cube",)


def test_a_full_disk_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes, out, weights = tmp_path / "classes.csv", tmp_path / "shop.safetensors", write_tiny(tmp_path)
    classes.write_text(TABLE)
    with full_disk():
        ended = in_process(capsys, "train", "words", weights, classes, "--out", out)

    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert f"{out} cannot be written" in ended.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("a,b\n1,2\n", "has other columns than class, AP, AP50"),
        (TABLE + "cone,0.1", "is cut off or no table of classes"),
        (TABLE.replace("0.6", "0.1"), "no class of"),
        (TABLE.replace("cube", "zebra"), "was not taught 'zebra'"),
    ],
)
def test_wrong_tables_are_refused(table: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err, path = _choose(tmp_path, capsys, table)

    assert code != 0
    assert said in err
    assert not path.exists()
