"""A small full body overfits fifty pictures, with every part of training in use."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from groundcast.model.datasets.coco_data import read_coco
from groundcast.model.datasets.labelled import labelled_coco
from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.training.denoising import NoiseOptions
from groundcast.model.training.finetune import FinetuneRecipe, finetune
from groundcast.model.training.first_weights import edge_from_nothing
from groundcast.model.training.picture_batches import PictureOptions
from groundcast.model.training.trainer import TrainingOptions
from groundcast.model.training.validation import HeldOut, history
from groundcast.model.weights.checkpoint import Checkpoint, keep_weights

from .drawn_examples import full_config
from .shapes_set import write_shapes

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")


@pytest.mark.slow
def test_fifty_pictures_are_learnt_by_heart(tmp_path: Path) -> None:
    path = write_shapes(tmp_path / "shapes", 50)
    data = read_coco(path, path.parent)
    labelled = labelled_coco(data)
    words = edge_from_nothing(labelled.wordings, 96).vocabulary
    small = full_config(queries=30)
    config = replace(
        small,
        text=replace(small.text, vocabulary=len(words)),
        backbone_options={**small.backbone_options, "embed_dim": 24, "num_heads": (1, 2, 4, 8)},
        width=64,
        feed_forward=128,
        fusion_width=128,
    )
    torch.manual_seed(0)
    first = Checkpoint(config, words, labelled.wordings, keep_weights(GroundingDino(config)))
    recipe = FinetuneRecipe(
        TrainingOptions(900, 1.5e-3, clip_norm=1.0, checkpoint_every=900, mean_decay=0.99),
        PictureOptions(8, (1.0, 1.0), mirror=False, negatives=6, noise=NoiseOptions(20)),
        backbone_speed=1.0,
        text_speed=1.0,
        short_side=96,
    )

    finetune(first, path, labelled, HeldOut(data), recipe, tmp_path / "run")

    assert history(tmp_path / "run")[900] > 0.9
