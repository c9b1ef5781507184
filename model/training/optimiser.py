"""Optimiser: parameter groups with their rates, frozen parts, the schedule and the mean of the weights."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class TrainingError(ValueError):
    """Training cannot start or continue; the text says why and what to do."""


def optimiser(name: str, network: nn.Module, weight_decay: float, speeds: Mapping[str, float]) -> torch.optim.Optimizer:
    """AdamW over the trained parameters; vectors (norms, biases, scales) have no weight decay.

    Args:
        name: the network's name, the first part of its parameters' names.
        network: its parameters with speed 0 are frozen.
        weight_decay: for matrices.
        speeds: factors of the learning rate by a pattern of the parameter's name, such as `model.backbone.*`; the last
            matching pattern decides, and 0 freezes. Each group stores its factor as `speed`.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for full_name, parameter in network.named_parameters(prefix=name):
        speed = _speed(full_name, speeds)
        if speed == 0.0:
            parameter.requires_grad_(False)
        if parameter.requires_grad:
            groups.setdefault((speed, parameter.ndim > 1), []).append(parameter)
    if not groups:
        raise TrainingError("nothing is left that learns: freeze fewer parts")
    options: list[dict[str, Any]] = [
        {"params": parameters, "weight_decay": weight_decay if matrices else 0.0, "speed": speed}
        for (speed, matrices), parameters in groups.items()
    ]
    return torch.optim.AdamW(options, fused=True)


def keep_frozen_parts_still(network: nn.Module) -> None:
    """Training mode, except for frozen parts: their running statistics do not change, and they have no dropout."""
    network.train()
    for part in network.modules():
        own = list(part.parameters())
        if own and not any(parameter.requires_grad for parameter in own):
            part.eval()


def one_cycle(step: int, steps: int, peak: float, warm_up: float) -> float:
    """The learning rate of a step: a cosine up to the peak, then a cosine down to almost zero.

    A function of the step alone, so that an interrupted run can continue with another number of steps.
    Source: https://arxiv.org/abs/1708.07120.
    """
    rising = max(1.0, warm_up * steps)
    if step < rising:
        return peak * (0.04 + 0.96 * _ease(step / rising))
    falling = max(1.0, steps - 1 - rising)
    return peak * (1.0 - (1.0 - 4e-5) * _ease(min(1.0, (step - rising) / falling)))


def running_mean(network: nn.Module, decay: float) -> AveragedModel:
    """The exponential mean of a network's weights and statistics, with a faster decay in the first steps."""

    def follow(means: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
        keep = min(decay, (1 + int(count)) / (10 + int(count)))
        for mean, value in zip(means, values, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - keep)
            else:
                mean.copy_(value)

    return AveragedModel(network, multi_avg_fn=torch.no_grad()(follow), use_buffers=True)


def _ease(share: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * share)


def _speed(name: str, speeds: Mapping[str, float]) -> float:
    fitting = [speed for pattern, speed in speeds.items() if fnmatchcase(name, pattern)]
    return fitting[-1] if fitting else 1.0
