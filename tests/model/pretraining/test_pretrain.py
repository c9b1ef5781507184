"""The stage on crops: it changes the backbone alone, goes on where it was, and helps the detector after it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from groundcast.model.datasets.coco_data import read_coco
from groundcast.model.datasets.labelled import labelled_coco
from groundcast.model.pretraining.crop_pictures import BYTES_PER_CROP
from groundcast.model.pretraining.pretrain import CropStage, JudgedCrops, Pretraining
from groundcast.model.training.finetune import CropRecipe, FinetuneRecipe
from groundcast.model.training.trainer import ResumeError, TrainingOptions
from groundcast.model.training.validation import HeldOut
from groundcast.model.weights.checkpoint import Checkpoint, read_checkpoint

from ..tiny import write_tiny
from ..training.shapes_set import write_shapes


@pytest.fixture
def stage(tmp_path: Path) -> CropStage:
    """Two steps on the crops of six pictures, with a checkpoint after each."""
    path = write_shapes(tmp_path / "shapes", 6)
    weights = write_tiny(tmp_path)
    recipe = FinetuneRecipe(TrainingOptions(1, checkpoint_every=1, seed=3))
    data, held_out = labelled_coco(read_coco(path, path.parent)), HeldOut(read_coco(path, path.parent))
    options = CropRecipe(2, size=4, max_bytes=9 * BYTES_PER_CROP)
    return CropStage(read_checkpoint(weights), weights, data, held_out, recipe, options, tmp_path / "run")


def _run(stage: CropStage, judged: list[JudgedCrops] | None = None) -> Checkpoint:
    pretraining = Pretraining(stage)
    if not pretraining.is_done:
        pretraining.read()
    return pretraining.learn(on_judged=(list[JudgedCrops]() if judged is None else judged).append)


def test_the_backbone_alone_learns_and_the_same_seed_gives_the_same_weights(stage: CropStage, tmp_path: Path) -> None:
    judged: list[JudgedCrops] = []
    learnt = _run(stage, judged)
    again = _run(replace(stage, folder=tmp_path / "again"))

    assert len(Pretraining(stage).plan.labels) == 9  # as many as the memory holds
    changed = {name for name, tensor in learnt.weights.items() if not torch.equal(tensor, stage.first.weights[name])}
    assert changed
    assert all(name.startswith("backbone.body.") for name in changed)
    assert all(torch.equal(tensor, again.weights[name]) for name, tensor in learnt.weights.items())
    assert [one.step for one in judged] == [1, 2]
    crops = tmp_path / "run" / "crops"
    figures = [json.loads(line) for line in (crops / "validation.jsonl").read_text().splitlines()]
    assert [set(one) for one in figures] == [{"step", "top1", "class_top1", "crops"}] * 2
    assert figures[0]["crops"] == stage.held_out.data.instances if stage.held_out is not None else False
    kept = read_checkpoint(crops / "last.safetensors")
    assert all(torch.equal(tensor.half(), kept.weights[name]) for name, tensor in learnt.weights.items())


def test_an_interrupted_stage_goes_on_where_it_was(stage: CropStage, tmp_path: Path) -> None:
    through = _run(stage)
    broken = replace(stage, folder=tmp_path / "broken")
    pretraining = Pretraining(broken)
    pretraining.read()

    def interrupt(step: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretraining.learn(on_step=interrupt)
    read_checkpoint(tmp_path / "broken" / "crops" / "last.safetensors")  # usable as it is
    assert not Pretraining(broken).is_done
    resumed = _run(broken)

    body = [name for name in through.weights if name.startswith("backbone.body.")]
    for name in body:
        torch.testing.assert_close(resumed.weights[name], through.weights[name], atol=1e-6, rtol=1e-5)
    done = Pretraining(broken)
    assert done.is_done
    for name, tensor in done.learn().weights.items():  # without pictures
        assert torch.equal(tensor, resumed.weights[name])


def test_a_stage_that_began_otherwise_is_not_gone_on_with(stage: CropStage) -> None:
    _run(stage)
    for other, said in (
        (replace(stage, options=replace(stage.options, learning_rate=1e-4)), "another rate"),
        (replace(stage, options=replace(stage.options, steps=1)), "trained for 2 steps already"),
    ):
        with pytest.raises(ResumeError, match=said):
            Pretraining(other)
