"""The stage on crops pays: a detector of the same total time finds clearly more with it than without."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from groundcast.model.datasets.coco_data import read_coco
from groundcast.model.datasets.labelled import labelled_coco
from groundcast.model.pretraining.pretrain import CropStage, Pretraining
from groundcast.model.training.finetune import CropOptions, FinetuneRecipe, finetune
from groundcast.model.training.first_weights import first_weights
from groundcast.model.training.picture_batches import PictureOptions
from groundcast.model.training.trainer import TrainingOptions
from groundcast.model.training.validation import HeldOut
from groundcast.model.weights.checkpoint import find_checkpoint

from .texture_set import write_textures

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

CROP_STEPS, STEPS = 80, 60
STEPS_WITHOUT = STEPS + 60


def _learn(folder: Path, learnt: Path, judged: Path, crop_steps: int, steps: int) -> float:
    """AP50 on other pictures."""
    data, held_out = labelled_coco(read_coco(learnt, learnt.parent)), HeldOut(read_coco(judged, judged.parent))
    weights = find_checkpoint("tabletop")
    first = first_weights(weights, data.wordings)
    recipe = FinetuneRecipe(
        TrainingOptions(steps, 6e-4, clip_norm=1.0, checkpoint_every=1000, mean_decay=0.9),
        PictureOptions(6, (0.9, 1.0), negatives=7, noise=None),
        backbone_speed=0.5,
        text_speed=1.0,
        short_side=144,
        crops=CropOptions(crop_steps, size=32) if crop_steps else None,
    )
    began_s = time.monotonic()
    if recipe.crops is not None:
        pretraining = Pretraining(CropStage(first, weights, data, held_out, recipe, recipe.crops, folder))
        pretraining.read()
        first = pretraining.learn()
        print(f"stage: {time.monotonic() - began_s:.0f} s, {(folder / 'crops' / 'validation.jsonl').read_text()}")
    finetune(first, weights, data, held_out, recipe, folder)
    ap50 = float(json.loads((folder / "validation.jsonl").read_text())["AP50"])
    print(f"{crop_steps} and {steps} steps: {time.monotonic() - began_s:.0f} s, AP50 {ap50:.3f}")
    return ap50


@pytest.mark.slow
def test_a_detector_that_tells_crops_apart_first_finds_more_than_one_that_learns_as_long(tmp_path: Path) -> None:
    learnt, judged = (write_textures(tmp_path / name, 60, seed) for seed, name in enumerate(("learnt", "judged")))

    without = _learn(tmp_path / "without", learnt, judged, 0, STEPS_WITHOUT)
    with_stage = _learn(tmp_path / "with", learnt, judged, CROP_STEPS, STEPS)

    assert with_stage > without + 0.1
