"""Checkpoints: what is written can be read, and errors name what does not fit."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.weights.checkpoint import CheckpointError, find_checkpoint, read_checkpoint, set_weights

from ..tiny import tiny_config, tiny_model, write_tiny


def test_weights_survive_the_file(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    checkpoint = read_checkpoint(path)
    assert checkpoint.config == tiny_config()
    loaded = GroundingDino(checkpoint.config)
    set_weights(loaded, checkpoint.weights, path)
    for name, tensor in tiny_model().state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(loaded.state_dict()[name], tensor.half().float(), atol=0, rtol=0)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no weights at .*none\.safetensors: name a"):
        find_checkpoint(str(tmp_path / "none.safetensors"))


def test_noise_is_not_read_as_weights(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    path.write_bytes(b"\x00" * 1000)
    with pytest.raises(CheckpointError, match=r"cannot read the weights in .*tiny\.safetensors"):
        read_checkpoint(path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"config": {"name": 1}, "vocabulary": []}'])
def test_a_description_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = write_tiny(tmp_path)
    path.with_suffix(".json").write_text(text)
    with pytest.raises(CheckpointError, match=r"tiny\.json"):
        read_checkpoint(path)


def test_an_unknown_key_of_the_configuration_is_named(tmp_path: Path) -> None:
    path = write_tiny(tmp_path)
    facts = json.loads(path.with_suffix(".json").read_text())
    facts["config"]["wings"] = 2
    path.with_suffix(".json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="'wings'"):
        read_checkpoint(path)


@pytest.mark.parametrize("change", ["unknown", "missing", "of another shape"])
def test_weights_that_do_not_fit_are_listed(tmp_path: Path, change: str) -> None:
    path = write_tiny(tmp_path)
    weights = load_file(path)
    name = "decoder.norm.weight"
    if change == "missing":
        del weights[name]
    elif change == "unknown":
        weights["wings.weight"] = torch.zeros(1)
    else:
        weights[name] = torch.zeros(5)
    save_file(weights, path)
    checkpoint = read_checkpoint(path)
    with pytest.raises(CheckpointError, match=f"1 {change}: (wings|decoder.norm).weight"):
        set_weights(GroundingDino(checkpoint.config), checkpoint.weights, path)
