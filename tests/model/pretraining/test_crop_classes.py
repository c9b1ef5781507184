"""The task on crops: only classes that are known to be wrong count as wrong."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import pytest
import torch
from torch import nn

from groundcast.model.dino.backbone import Backbone
from groundcast.model.pretraining.crop_batches import ObjectCrops
from groundcast.model.pretraining.crop_classes import ObjectClassTask

from ..tiny import tiny_config


def _task(bias_C: list[float]) -> ObjectClassTask:
    """A task whose heads answer the same for each crop."""
    torch.manual_seed(0)
    task = ObjectClassTask(Backbone(tiny_config()), len(bias_C))
    for part in task.networks["heads"].modules():
        if isinstance(part, nn.Linear):
            nn.init.zeros_(part.weight)
            part.bias.data = torch.tensor(bias_C)
    return task


def _batch(classes: list[int], allowed: list[list[bool]]) -> ObjectCrops:
    pictures = torch.randn(len(classes), 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return ObjectCrops(pictures, torch.tensor(classes), torch.tensor(allowed))


def test_an_open_class_costs_nothing_however_likely_it_is_found() -> None:
    closed, free = [True, True, True], [True, True, False]

    def total(bias_C: list[float], allowed: list[bool]) -> float:
        return float(_task(bias_C).losses(_batch([0, 0], [allowed, allowed]), 2)["total"].detach())

    assert total([1.0, 0.0, 9.0], free) == pytest.approx(total([1.0, 0.0, -9.0], free), rel=1e-5)
    assert total([1.0, 0.0, 9.0], closed) > total([1.0, 0.0, -9.0], closed) + 5


def test_gradients_reach_each_stage_and_leave_the_open_class_alone() -> None:
    task = _task([0.0, 0.0, 0.0])
    losses = task.losses(_batch([0, 1], [[True, True, False]] * 2), 2)
    losses["total"].backward()

    assert set(losses) == {"map 1", "map 2", "map 3", "total"}
    for part in task.networks["heads"].modules():
        if isinstance(part, nn.Linear):
            assert part.bias.grad is not None
            assert bool(part.bias.grad.isfinite().all())
            assert float(part.bias.grad[2]) == 0.0
            assert float(part.weight.grad[:2].abs().max() if part.weight.grad is not None else 0.0) > 0.0


def test_the_likeliest_of_the_allowed_classes_is_judged_and_the_networks_stay_as_they_were() -> None:
    task = _task([1.0, 0.0, 3.0])
    before = {name: tensor.clone() for name, tensor in task.networks["backbone"].state_dict().items()}
    task.networks["heads"].train()

    figures = task.judge([_batch([0, 0, 1], [[True, True, False]] * 3), _batch([2], [[True, True, True]])])

    assert (figures.crops, figures.top1) == (4, pytest.approx(0.75))
    assert figures.class_top1 == pytest.approx(2 / 3)
    assert task.networks["heads"].training
    for name, tensor in task.networks["backbone"].state_dict().items():
        assert torch.equal(tensor, before[name])  # running statistics too
