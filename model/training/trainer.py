# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The training loop: steps, checkpoints, the curve."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from .workers import Worker

_log = logging.getLogger(__name__)
Batch = TypeVar("Batch")
Batch_contra = TypeVar("Batch_contra", contravariant=True)


class Lesson(Protocol[Batch_contra]):
    """What is learnt from a batch, and by which networks."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """By the names that a checkpoint keeps them under."""
        ...

    def losses(self, batch: Batch_contra) -> dict[str, Tensor]:
        """The loss in parts; `total` is what is minimised."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    Args:
        steps: optimiser steps in all.
        learning_rate: the peak of the one-cycle schedule.
        clip_norm: gradients are scaled down to this norm.
        checkpoint_every: steps between checkpoints, from which an interrupted run goes on.
    """

    steps: int
    learning_rate: float = 8e-4
    weight_decay: float = 1e-4
    warm_up: float = 0.05
    clip_norm: float = 1.0
    checkpoint_every: int = 250


@dataclass(frozen=True, slots=True)
class Progress:
    """One point of the curve."""

    step: int
    loss: float
    parts: dict[str, float]
    learning_rate: float
    seconds_per_step: float


def train(
    lesson: Lesson[Batch],
    make_batch: Callable[[int], Batch],
    options: TrainingOptions,
    folder: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    report_every: int = 25,
    worker: Worker | None = None,
) -> None:
    """Train in place, from the last checkpoint in `folder` where there is one.

    Args:
        lesson: what is learnt.
        make_batch: the batch of a step, the same each time it is asked for the same step, another in each worker.
        folder: receives `checkpoint.pt` and `curve.jsonl`.

    Raises:
        FloatingPointError: the loss is no longer a number.
    """
    worker = worker or Worker()
    folder.mkdir(parents=True, exist_ok=True)
    learners = [
        _Learner(name, network.train(), _optimizer(network, options)) for name, network in lesson.networks.items()
    ]
    first = _resume(folder / "checkpoint.pt", learners)
    sums: dict[str, float] = {}
    steps_summed, began = 0, time.monotonic()
    with ThreadPoolExecutor(1) as ahead:  # the next batch is drawn while this one is learnt
        coming = ahead.submit(make_batch, first)
        for step in range(first, options.steps):
            batch = coming.result()
            coming = ahead.submit(make_batch, min(step + 1, options.steps - 1))
            rate = learning_rate(step, options)
            parts = _learn(lesson, batch)
            for learner in learners:
                learner.step(rate, options.clip_norm, worker)
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
                for learner in learners:
                    worker.share_statistics(learner.network)
                if worker.rank == 0:
                    _save(folder / "checkpoint.pt", done, learners)


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


@dataclass(frozen=True, slots=True)
class _Learner:
    """A network and what moves its weights."""

    name: str
    network: nn.Module
    optimizer: torch.optim.Optimizer

    def step(self, rate: float, clip_norm: float, worker: Worker) -> None:
        worker.share_gradients(self.network)
        nn.utils.clip_grad_norm_(self.network.parameters(), clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def _learn(lesson: Lesson[Batch], batch: Batch) -> dict[str, float]:
    """Fill the gradients; returns the loss by its parts."""
    losses = lesson.losses(batch)
    if not torch.isfinite(losses["total"]):
        raise FloatingPointError("the loss is no longer a number: lower the learning rate and resume")
    losses["total"].backward()
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


def _resume(path: Path, learners: Sequence[_Learner]) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    for learner in learners:
        learner.network.load_state_dict(state[learner.name])
        learner.optimizer.load_state_dict(state[f"{learner.name} optimizer"])
    _log.info("going on from step %d of %s", state["step"], path)
    return int(state["step"])


def _save(path: Path, step: int, learners: Sequence[_Learner]) -> None:
    """Written beside and renamed, so that a run killed here keeps its last checkpoint."""
    partial = path.with_suffix(".part")
    state: dict[str, Any] = {"step": step}
    for learner in learners:
        state[learner.name] = learner.network.state_dict()
        state[f"{learner.name} optimizer"] = learner.optimizer.state_dict()
    torch.save(state, partial)
    partial.replace(path)


def _write_point(path: Path, progress: Progress) -> None:
    with path.open("a") as file:
        file.write(json.dumps(asdict(progress)) + "\n")
