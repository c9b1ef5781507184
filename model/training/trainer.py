"""The training loop: steps, checkpoints, the curve."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..grounding_dino import GroundingDino
from ..text_encoder import Words
from .loss import LossWeights, detection_loss
from .matching import Truth
from .workers import Worker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from; shapes as in `GroundingDino.forward`."""

    pictures_B3HW: Tensor
    valid_B2: Tensor
    words: Words
    truths: list[Truth]


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    Args:
        steps: optimiser steps in all.
        learning_rate: the peak of the one-cycle schedule.
        clip_norm: gradients are scaled down to this norm.
        bfloat16: autocast the forward pass; only pays where the processor computes in bfloat16.
        checkpoint_every: steps between checkpoints, from which an interrupted run goes on.
    """

    steps: int
    learning_rate: float = 8e-4
    weight_decay: float = 1e-4
    warm_up: float = 0.05
    clip_norm: float = 1.0
    bfloat16: bool = False
    checkpoint_every: int = 250
    loss: LossWeights = field(default_factory=LossWeights)


@dataclass(frozen=True, slots=True)
class Progress:
    """One point of the curve."""

    step: int
    loss: float
    parts: dict[str, float]
    learning_rate: float
    seconds_per_step: float


def train(
    model: GroundingDino,
    make_batch: Callable[[int], Batch],
    options: TrainingOptions,
    folder: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    report_every: int = 25,
    worker: Worker | None = None,
) -> None:
    """Train in place, from the last checkpoint in `folder` where there is one.

    Args:
        make_batch: the batch of a step, the same each time it is asked for the same step, another in each worker.
        folder: receives `checkpoint.pt` and `curve.jsonl`.

    Raises:
        FloatingPointError: the loss is no longer a number.
    """
    worker = worker or Worker()
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = _optimizer(model, options)
    first = _resume(folder / "checkpoint.pt", model, optimizer)
    model.train()
    sums: dict[str, float] = {}
    steps_summed, began = 0, time.monotonic()
    with ThreadPoolExecutor(1) as ahead:  # the next batch is drawn while this one is learnt
        coming = ahead.submit(make_batch, first)
        for step in range(first, options.steps):
            batch = coming.result()
            coming = ahead.submit(make_batch, min(step + 1, options.steps - 1))
            rate = learning_rate(step, options)
            for group in optimizer.param_groups:
                group["lr"] = rate
            parts = _step(model, batch, optimizer, options, worker)
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value
            steps_summed += 1
            done = step + 1
            if done % report_every == 0 or done == options.steps:
                means = {name: value / steps_summed for name, value in sums.items()}
                pace = (time.monotonic() - began) / steps_summed
                progress = Progress(done, means.pop("total"), means, rate, pace)
                if worker.rank == 0:
                    _write_point(folder / "curve.jsonl", progress)
                    on_progress(progress)
                sums, steps_summed, began = {}, 0, time.monotonic()
            if done % options.checkpoint_every == 0 or done == options.steps:
                worker.share_statistics(model)
                if worker.rank == 0:
                    _save(folder / "checkpoint.pt", done, model, optimizer)


def learning_rate(step: int, options: TrainingOptions) -> float:
    """One cycle (https://arxiv.org/abs/1708.07120): a cosine up to the peak, then a cosine down to almost nothing.

    A function of the step alone, so that an interrupted run may go on with another number of steps.
    """
    rising = max(1.0, options.warm_up * options.steps)
    if step < rising:
        return options.learning_rate * (0.04 + 0.96 * _ease(step / rising))
    falling = max(1.0, options.steps - 1 - rising)
    return options.learning_rate * (1.0 - (1.0 - 4e-5) * _ease(min(1.0, (step - rising) / falling)))


def _ease(share: float) -> float:
    return 0.5 - 0.5 * math.cos(math.pi * share)


def _step(
    model: GroundingDino, batch: Batch, optimizer: torch.optim.Optimizer, options: TrainingOptions, worker: Worker
) -> dict[str, float]:
    device = next(model.parameters()).device
    with torch.autocast(device.type, torch.bfloat16, enabled=options.bfloat16):
        words = batch.words.to(device)
        output = model(batch.pictures_B3HW.to(device), model.read(words), batch.valid_B2.to(device))
    truths = [Truth(truth.boxes_G4.to(device), truth.answers_GT.to(device)) for truth in batch.truths]
    losses = detection_loss(output, truths, words.no_word_BT, options.loss)
    if not torch.isfinite(losses["total"]):
        raise FloatingPointError("the loss is no longer a number: lower the learning rate and resume")
    optimizer.zero_grad(set_to_none=True)
    losses["total"].backward()
    worker.share_gradients(model)
    nn.utils.clip_grad_norm_(model.parameters(), options.clip_norm)
    optimizer.step()
    return {name: float(value.detach()) for name, value in losses.items()}


def _optimizer(model: nn.Module, options: TrainingOptions) -> torch.optim.Optimizer:
    """AdamW; vectors (norms, biases, scales) are not decayed."""
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, fused=True)


def _resume(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    _log.info("going on from step %d of %s", state["step"], path)
    return int(state["step"])


def _save(path: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Written beside and renamed, so that a run killed here keeps its last checkpoint."""
    partial = path.with_suffix(".part")
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, partial)
    partial.replace(path)


def _write_point(path: Path, progress: Progress) -> None:
    with path.open("a") as file:
        file.write(json.dumps(asdict(progress)) + "\n")
