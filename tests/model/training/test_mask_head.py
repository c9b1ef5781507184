"""Training of the embedded masker: it learns, its batches repeat, and an interrupted run goes on."""

# pyright: reportCallIssue=false, reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from groundcast.model.masks.embedded import read_net
from groundcast.model.tabletop.mask_crops import CROP_PX, CROP_SCALE, MaskCrops
from groundcast.model.training.mask_head import MaskBatches, MaskRecipe, train_masker
from groundcast.model.training.trainer import Progress


def _crops() -> MaskCrops:
    """Balls of some colours on grey."""
    pictures = np.full((12, CROP_PX, CROP_PX, 3), 170, np.uint8)
    masks = np.zeros((12, CROP_PX, CROP_PX), np.uint8)
    radius = round(CROP_PX / CROP_SCALE / 2)
    for row in range(12):
        cv2.circle(pictures[row], (64, 64), radius, (20 * row, 200 - 15 * row, 90), cv2.FILLED)
        cv2.circle(masks[row], (64, 64), radius, 255, cv2.FILLED)
    return MaskCrops(pictures, masks)


def test_a_batch_repeats_and_its_masks_lie_on_its_objects() -> None:
    batches = MaskBatches(_crops(), 8, seed=3)

    first, same, other = batches(0), batches(0), batches(1)

    assert torch.equal(first.crops_N3HW, same.crops_N3HW)
    assert not torch.equal(first.crops_N3HW, other.crops_N3HW)
    assert first.crops_N3HW.shape == (8, 3, 64, 64)
    share = first.masks_NHW.mean((1, 2))
    assert float(share.min()) > 0.3
    assert float(share.max()) < 0.75


def test_the_loss_falls_and_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    curve: list[Progress] = []
    short = MaskRecipe(tmp_path, tmp_path / "run", steps=12, batch=4)

    train_masker(short, _crops(), curve.append)
    path = train_masker(MaskRecipe(tmp_path, tmp_path / "run", steps=30, batch=4), _crops(), curve.append)

    assert [point.step for point in curve] == [12, 25, 30]
    assert curve[-1].loss < 0.7 * curve[0].loss
    net = read_net(path)
    assert float(net(torch.zeros(1, 3, 64, 64)).abs().sum()) > 0


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"other": torch.zeros(3)}, tmp_path / "other.safetensors")

    with pytest.raises(ValueError, match="no weights of the embedded masker"):
        read_net(tmp_path / "other.safetensors")
