"""Training in bfloat16: the loss's inputs stay in float32."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
import pytest
import torch

from groundcast.model.config import ModelConfig
from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.training.batch import stack
from groundcast.model.training.detection import DetectionTask
from groundcast.model.training.loss import LossWeights

from ..tiny import tiny_config
from .drawn_examples import draw_examples, full_config


@pytest.mark.parametrize("config", [tiny_config(), full_config()], ids=["edge", "full"])
@pytest.mark.parametrize("dense", [0.0, 1.0])
def test_losses_in_bfloat16_are_near_those_in_float32_and_as_exact(config: ModelConfig, dense: float) -> None:
    batch = stack(draw_examples(np.random.default_rng(0), 2))
    torch.manual_seed(0)
    model = GroundingDino(config)
    totals: list[float] = []
    for bfloat16 in (False, True):
        torch.manual_seed(1)
        task = DetectionTask(model, LossWeights(dense=dense), denoise=True, bfloat16=bfloat16)
        losses = task.losses(batch, task.size(batch))
        assert {loss.dtype for loss in losses.values()} == {torch.float32}
        losses["total"].backward()
        totals.append(float(losses["total"].detach()))
    assert totals[1] == pytest.approx(totals[0], rel=0.1)  # rounding may swap proposals that score alike
    assert totals[1] != totals[0]
