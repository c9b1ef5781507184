"""The embedded model's recipe from end to end, for two steps: it writes a model, from which training can start."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from groundcast.model.detector import Detector
from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.dataset import build, open_shards, options_of
from groundcast.model.tabletop.scenes import draw_scene
from groundcast.model.training.optimiser import TrainingError
from groundcast.model.training.tabletop import TabletopRecipe, train_recipe
from groundcast.model.weights.checkpoint import CheckpointError, file_sha256, read_checkpoint

from ..drawing import drawing
from ..tiny import write_tiny


def _recipe(scenes: Path, folder: Path) -> TabletopRecipe:
    return TabletopRecipe(
        scenes, folder, crop_steps=2, steps=2, whole_share=0.5, crop_batch=2, cut_batch=2, whole_batch=2, workers=1
    )


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with drawing() as draw:
        draw(draw_scene(0, options_of("train")))  # skips where nothing can be drawn
    folder = tmp_path_factory.mktemp("scenes")
    build(folder, 4, "train", processes=1)
    return folder


def test_the_recipe_writes_a_model_and_begins_with_it_again(scenes: Path, tmp_path: Path) -> None:
    recipe = _recipe(scenes, tmp_path / "first")
    train_recipe(recipe)

    written = recipe.folder / "tabletop.safetensors"
    picture = np.array(open_shards(scenes)[0].images()[0])
    with Detector.load(str(written)) as detector:
        assert detector.detect([picture], [Prompt.parse("red mug")])[0].names == ("red mug",)

    for other in (replace(recipe, seed=3), replace(recipe, bfloat16=True), replace(recipe, first=written)):
        with pytest.raises(TrainingError, match="is of a run with another"):
            train_recipe(other)

    again = replace(recipe, folder=tmp_path / "again", first=written, steps=1, learning_rate=0.0)
    train_recipe(again)
    first, second = (read_checkpoint(one.folder / "tabletop.safetensors").weights for one in (recipe, again))
    facts = json.loads((again.folder / "tabletop.json").read_text())
    assert facts["recipe"]["first"] == file_sha256(written)
    assert torch.equal(first["query_content"], second["query_content"])
    assert torch.equal(first["decoder.norm.weight"], second["decoder.norm.weight"])


def test_weights_of_another_model_are_refused(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="do not fit"):
        train_recipe(replace(_recipe(scenes, tmp_path / "run"), first=write_tiny(tmp_path)))
