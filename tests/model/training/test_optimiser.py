"""Optimiser: which weights are trained, and at which rate."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import pytest
import torch
from torch import nn

from groundcast.model.training.optimiser import keep_frozen_parts_still, one_cycle, optimiser, running_mean


def _network() -> nn.Module:
    parts = {"body": nn.Linear(2, 2), "norm": nn.BatchNorm1d(2), "head": nn.ModuleDict({"box": nn.Linear(2, 2)})}
    return nn.ModuleDict(parts)


def _speeds(network: nn.Module, speeds: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Each parameter's speed and decay; what does not learn is absent."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    groups = optimiser("model", network, 0.5, speeds).param_groups
    return {names[id(p)]: (group["speed"], group["weight_decay"]) for group in groups for p in group["params"]}


def test_the_last_pattern_decides_the_speed_and_vectors_are_not_decayed() -> None:
    speeds = _speeds(_network(), {"model.*": 0.0, "model.head.*": 0.1, "model.*.bias": 1.0, "model.[bn]*.bias": 0.0})
    assert speeds == {"head.box.weight": (0.1, 0.5), "head.box.bias": (1.0, 0.0)}


def test_all_frozen_is_an_error() -> None:
    with pytest.raises(ValueError, match="freeze fewer"):
        optimiser("model", _network(), 0.0, {"model.*": 0.0})


def test_frozen_statistics_stay_as_they_are() -> None:
    network = _network()
    optimiser("model", network, 0.0, {"model.norm.*": 0.0})
    keep_frozen_parts_still(network)
    assert network.training
    assert {name: part.training for name, part in network.named_children()} == {
        "body": True,
        "norm": False,
        "head": True,
    }


def test_the_rate_rises_then_falls_to_almost_nothing() -> None:
    rates = [one_cycle(step, 1000, 1.0, 0.05) for step in range(1000)]
    peak = rates.index(max(rates))
    assert peak == 50
    assert rates[:51] == sorted(rates[:51])
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[-1] < 1e-4


def test_the_running_mean_is_the_one_of_the_formula() -> None:
    network = nn.Linear(1, 1, bias=False)
    mean, expected = running_mean(network, 0.3), 0.0
    for count, value in enumerate([1.0, 2.0, 4.0, -3.0]):
        network.weight.data.fill_(value)
        mean.update_parameters(network)
        keep = min(0.3, (1 + count) / (10 + count))
        expected = value if count == 0 else keep * expected + (1 - keep) * value
        torch.testing.assert_close(mean.module.weight.data, torch.tensor([[expected]]))
