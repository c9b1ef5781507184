"""Pretraining of the backbone on crops of single objects."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from groundcast.model.dino.backbone import Backbone
from groundcast.model.tabletop.words import COLOURS, KINDS
from groundcast.model.training.crops import CropBatches, CropTask
from groundcast.model.training.stored_scenes import StoredScene
from groundcast.model.training.trainer import Progress, TrainingOptions, Watcher, train

from ..tiny import tiny_config


def _scenes() -> list[StoredScene]:
    """One object each, white or black; the white ones are mugs, the black ones balls."""
    scenes: list[StoredScene] = []
    for colour, kind, grey in (("white", "mug", 255), ("black", "ball", 0)):
        picture = np.full((240, 320, 3), 128, np.uint8)
        picture[90:130, 100:160] = grey
        box = np.array([[100, 90, 160, 130]], np.float32)
        scenes.append(StoredScene(picture, ((colour, kind),), box, np.ones(1, np.float32)))
    return scenes


def test_a_crop_shows_its_object_in_the_middle() -> None:
    batch = CropBatches(_scenes(), size=16, seed=3)(0)
    side = batch.pictures_N3PP.shape[-1]
    middle = batch.pictures_N3PP[:, :, side // 2 - 2 : side // 2 + 2, side // 2 - 2 : side // 2 + 2].mean((1, 2, 3))
    is_white = batch.colours_N == COLOURS.index("white")
    assert is_white.any()
    assert (~is_white).any()
    assert middle[is_white].min() > middle[~is_white].max() + 1.0
    assert torch.equal(batch.kinds_N == KINDS.index("mug"), is_white)


def test_a_step_always_gives_the_same_crops() -> None:
    batches = CropBatches(_scenes(), size=4, seed=3)
    one, again, other = batches(7), batches(7), batches(8)
    assert torch.equal(one.pictures_N3PP, again.pictures_N3PP)
    assert one.pictures_N3PP.shape != other.pictures_N3PP.shape or not torch.equal(
        one.pictures_N3PP, other.pictures_N3PP
    )


@pytest.mark.slow
def test_kind_and_colour_are_learnt(tmp_path: Path) -> None:
    torch.manual_seed(0)
    backbone = Backbone(tiny_config())
    points: list[Progress] = []
    batches = CropBatches(_scenes(), size=8, seed=3)
    train(CropTask(backbone), batches, TrainingOptions(24, 2e-3), tmp_path, Watcher(points.append, report_every=8))
    assert points[-1].loss < 0.7 * points[0].loss
    assert points[0].parts.keys() == {"kind", "colour"}
    for name, first in points[0].parts.items():
        assert points[-1].parts[name] < 0.7 * first
