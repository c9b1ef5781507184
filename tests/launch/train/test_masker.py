"""`groundcast train masker`: scenes to weights that the masker reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundcast.model.masks.embedded import read_net

from ..commands import in_process

pytest.importorskip("mujoco", reason="needs the [eval] extra")


@pytest.mark.bar
@pytest.mark.slow
def test_the_masker_is_trained_on_rendered_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--crops", tmp_path / "crops", "--scenes", "2", "--processes", "1", "--steps", "2", "--json")

    ended = in_process(capsys, "train", "masker", "--folder", tmp_path / "run", *options)

    told = json.loads(ended.out.splitlines()[-1])
    assert ended.code == 0
    assert (told["steps"], told["weights"]) == (2, str(tmp_path / "run" / "masker.safetensors"))
    assert told["objects"] >= 4
    read_net(Path(told["weights"]))
