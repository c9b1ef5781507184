"""`groundcast eval tabletop` on the smallest set of scenes: figures at the end, a wrong folder named."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from groundcast.launch.command_line import run
from groundcast.model.tabletop.dataset import FIRST_SEED, OBJECT_DTYPE

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")
pytest.importorskip("mujoco", reason="needs the [eval] extra")


def _store_scenes(folder: Path, first_seed: int) -> None:
    """Two finished scenes: grey pictures, in each a mug that the truth knows of."""
    shard = folder / "shard-0000"
    shard.mkdir(parents=True)
    rows = np.zeros(2, OBJECT_DTYPE)
    rows["scene"], rows["kind"], rows["visible"], rows["box_xyxy"] = [0, 1], 4, 1.0, [[20, 20, 80, 90]] * 2
    np.save(shard / "objects.npy", rows)
    for scene in range(2):
        cv2.imwrite(str(shard / f"{scene:05d}.jpg"), np.full((480, 640, 3), 128, np.uint8))
    manifest = {"version": 1, "split": "eval", "first_seed": first_seed, "count": 2}
    (shard / "manifest.json").write_text(json.dumps(manifest))


def test_the_command_ends_with_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _store_scenes(tmp_path, FIRST_SEED["eval"])

    code = run(["eval", "tabletop", "--scenes", str(tmp_path), "--limit", "2", "--shifts", "--json"])

    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert (figures["scenes"], figures["instances"], figures["unseen_instances"]) == (2, 2, 0)
    assert 0.0 <= figures["AP"] <= figures["AP50"] < 0.5  # there is no mug in a grey picture
    assert "unseen_AP50" not in figures
    assert figures["shifts"]["a quarter of the light"] == {
        "recall": 0.0, "objects": 2, "taken": None, "unknown_shapes": 0,
    }  # fmt: skip
    assert figures["shifts"]["beside unknown shapes"]["unknown_shapes"] == 8


@pytest.mark.parametrize("command", ["eval tabletop --limit 2", "train tabletop --folder run"])
def test_scenes_cannot_be_rendered_into_a_file(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()

    assert run([*command.split(), "--scenes", "file"]) == 2
    assert "file cannot be written (Not a directory): name another folder" in capsys.readouterr().err


def test_scenes_of_other_seeds_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _store_scenes(tmp_path, first_seed=5)

    assert run(["eval", "tabletop", "--scenes", str(tmp_path), "--limit", "2"]) == 2
    assert "name another folder" in capsys.readouterr().err
