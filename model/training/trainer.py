"""The training loop: steps, checkpoints and the loss curve."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import logging
import math
import pickle
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ..datasets.read_ahead import made_ahead
from .optimiser import TrainingError, keep_frozen_parts_still, one_cycle, optimiser, running_mean
from .workers import Worker

_log = logging.getLogger(__name__)
CHECKPOINT, CURVE = "checkpoint.pt", "curve.jsonl"
Batch = TypeVar("Batch")
Batch_contra = TypeVar("Batch_contra", contravariant=True)


class ResumeError(TrainingError):
    """The checkpoint in a folder cannot be resumed; the text says why and what to do."""


class TrainingTask(Protocol[Batch_contra]):
    """A training task: its networks and their losses on a batch."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The networks by their names in a checkpoint."""
        ...

    def size(self, batch: Batch_contra) -> float:
        """The number of targets in the batch, by which losses are divided."""
        ...

    def losses(self, batch: Batch_contra, size: float) -> dict[str, Tensor]:
        """The losses by name, as sums divided by `size`; `total` is minimised.

        Args:
            size: the mean over all batches of a step, in all workers.
        """
        ...


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train.

    Args:
        steps: total number of optimiser steps.
        learning_rate: the peak of the one-cycle schedule; warm_up is the fraction of the steps before it.
        speeds: factors of the learning rate by patterns of parameter names; see `optimiser`.
        clip_norm: maximum norm of the gradients; None does not clip.
        accumulate: batches per step in each worker, computed in sequence.
        mean_decay: decay per step of the weights' exponential mean; None keeps no mean.
        checkpoint_every: steps between checkpoints, from which an interrupted run continues.
        loaders: threads that make batches ahead of time.
        seed: of the random dropout, together with the step.
    """

    steps: int
    learning_rate: float = 8e-4
    weight_decay: float = 1e-4
    warm_up: float = 0.05
    speeds: Mapping[str, float] = field(default_factory=dict[str, float])
    clip_norm: float | None = 1.0
    accumulate: int = 1
    mean_decay: float | None = None
    checkpoint_every: int = 250
    loaders: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """One point of the loss curve."""

    step: int
    loss: float
    parts: dict[str, float]
    learning_rate: float
    seconds_per_step: float


@dataclass(frozen=True, slots=True)
class Watcher:
    """Callbacks of a run, called in the worker of rank 0 alone.

    Args:
        on_progress: a point of the curve, every `report_every` steps.
        on_checkpoint: (step, networks) after each checkpoint; with running means, the networks are the means.
        on_step: called after each step.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    on_checkpoint: Callable[[int, Mapping[str, nn.Module]], None] = lambda step, networks: None
    report_every: int = 25
    on_step: Callable[[int], None] = lambda step: None


def train(
    task: TrainingTask[Batch],
    make_batch: Callable[[int], Batch],
    options: TrainingOptions,
    folder: Path,
    watcher: Watcher | None = None,
    worker: Worker | None = None,
    identity: Mapping[str, object] | None = None,
) -> None:
    """Train in place, from the last checkpoint in `folder` if there is one.

    Args:
        task: the training task.
        make_batch: the batch with this number, from 0; deterministic, and different in each worker. Called from other
            threads.
        folder: receives `checkpoint.pt` and `curve.jsonl`.
        identity: settings that must not change between runs, as plain values. A checkpoint with other values is not
            resumed.

    Raises:
        ResumeError: the checkpoint is of another run, damaged, or past these steps already.
        TrainingError: the loss or a weight is no longer a number, another worker failed, or the folder cannot be
            written.
    """
    worker, watcher = worker or Worker(), watcher or Watcher()
    path, own = folder / CHECKPOINT, dict(identity or {})
    make_folder(folder)
    learners = [_Learner.of(name, network, options) for name, network in task.networks.items()]
    first = _resume(path, learners, own, options.steps)
    for learner in learners:
        worker.share_weights(learner.network)
    curve = _Curve(folder / CURVE, watcher, worker)
    if first > 0 and worker.rank == 0:  # the interrupted run may not have called it
        watcher.on_checkpoint(first, {one.name: one.best for one in learners})
    count = options.accumulate
    batches = made_ahead(make_batch, range(first * count, options.steps * count), options.loaders)
    for step in range(first, options.steps):
        torch.manual_seed(((options.seed << 32) + step) * worker.count + worker.rank)
        rate = one_cycle(step, options.steps, options.learning_rate, options.warm_up)
        parts = _learn(task, _drawn(batches, count), worker)
        for learner in learners:
            learner.step(rate, options.clip_norm, worker)
        done = step + 1
        if worker.rank == 0:
            watcher.on_step(done)
        curve.add(parts, done, rate, is_last=done == options.steps)
        if done % options.checkpoint_every == 0 or done == options.steps:
            for learner in learners:
                worker.share_statistics(learner.network)
                learner.check_weights()
            if worker.rank == 0:
                _save(path, done, learners, own)
                watcher.on_checkpoint(done, {one.name: one.best for one in learners})


def make_folder(folder: Path) -> None:
    """
    Raises:
        TrainingError: the folder cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"folder {folder} cannot be made ({error.strerror}): name another") from error


def _drawn(batches: Iterator[Batch], count: int) -> list[Batch] | Exception:
    """The next batches, or the error: the other workers must be informed before this one ends."""
    try:
        return list(islice(batches, count))
    except Exception as error:  # noqa: BLE001 - the edge of the threads that draw; raised again in `_learn`
        return error


@dataclass(frozen=True, slots=True)
class _Learner:
    """A network with its optimiser and the mean of its weights."""

    name: str
    network: nn.Module
    optimizer: torch.optim.Optimizer
    mean: AveragedModel | None

    @classmethod
    def of(cls, name: str, network: nn.Module, options: TrainingOptions) -> _Learner:
        moved = optimiser(name, network, options.weight_decay, options.speeds)
        keep_frozen_parts_still(network)
        mean = None if options.mean_decay is None else running_mean(network, options.mean_decay)
        return cls(name, network, moved, mean)

    @property
    def best(self) -> nn.Module:
        return self.network if self.mean is None else self.mean.module

    @property
    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """The parts stored in a checkpoint."""
        parts: dict[str, nn.Module | torch.optim.Optimizer] = {
            self.name: self.network,
            f"{self.name} optimizer": self.optimizer,
        }
        return parts if self.mean is None else {**parts, f"{self.name} mean": self.mean}

    def check_weights(self) -> None:
        """Check the weights after the last step; after other steps the next loss shows it."""
        if not all(bool(parameter.detach().isfinite().all()) for parameter in self.network.parameters()):
            raise TrainingError("the weights are no longer numbers: lower the learning rate, then run again")

    def step(self, rate: float, clip_norm: float | None, worker: Worker) -> None:
        worker.share_gradients(self.network)
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["speed"]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.mean is not None:
            self.mean.update_parameters(self.network)


def _learn(task: TrainingTask[Batch], drawn: list[Batch] | Exception, worker: Worker) -> dict[str, float]:
    """Fill the gradients with their mean over the batches; returns the mean loss by its parts.

    An error in one worker becomes a NaN loss in all of them, so that all end.
    """
    if isinstance(drawn, Exception):
        worker.mean(math.nan)
        raise drawn
    size = worker.mean(sum(task.size(batch) for batch in drawn) / len(drawn))
    if math.isnan(size):
        raise TrainingError("another process of this training failed: its own words say why")
    means: dict[str, float] = {}
    for batch in drawn:
        losses = task.losses(batch, max(1.0, size))
        (losses["total"] / len(drawn)).backward()
        for name, value in losses.items():
            means[name] = means.get(name, 0.0) + float(value.detach()) / len(drawn)
    if not math.isfinite(worker.mean(means["total"])):
        raise TrainingError("the loss is no longer a number: lower the learning rate, then run again")
    return means


class _Curve:
    """The loss curve: means over some steps and all workers."""

    def __init__(self, path: Path, watcher: Watcher, worker: Worker) -> None:
        self._path, self._watcher, self._worker = path, watcher, worker
        self._begin()

    def add(self, parts: Mapping[str, float], step: int, rate: float, *, is_last: bool) -> None:
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1
        if step % self._watcher.report_every != 0 and not is_last:
            return
        means = {name: self._worker.mean(value / self._steps) for name, value in self._sums.items()}
        pace = (time.monotonic() - self._began_s) / self._steps
        progress = Progress(step, means.pop("total"), means, rate, pace)
        if self._worker.rank == 0:
            try:
                with self._path.open("a") as file:
                    file.write(json.dumps(asdict(progress)) + "\n")
            except OSError as error:
                raise TrainingError(
                    f"{self._path} cannot be written ({error.strerror}): make room, then run again"
                ) from error
            self._watcher.on_progress(progress)
        self._begin()

    def _begin(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps, self._began_s = 0, time.monotonic()


def steps_done(folder: Path, identity: Mapping[str, object], steps: int) -> int:
    """How many steps the checkpoint in a folder has behind it; 0 without one.

    Raises:
        ResumeError: as `train`.
    """
    with _saying_how_to_go_on(folder / CHECKPOINT):
        return int(_checked_state(folder / CHECKPOINT, identity, steps)["step"])


def _resume(path: Path, learners: Sequence[_Learner], identity: Mapping[str, object], steps: int) -> int:
    with _saying_how_to_go_on(path):
        state = _checked_state(path, identity, steps)
        first = int(state["step"])
        for learner in learners if first > 0 else ():
            for name, part in learner.parts.items():
                part.load_state_dict(state[name])
    if first > 0:
        _log.info("going on from step %d of %s", first, path)
    return first


def _checked_state(path: Path, identity: Mapping[str, object], steps: int) -> dict[str, Any]:
    """The content of a checkpoint that may be resumed; step 0 where there is none."""
    if not path.exists():
        return {"step": 0}
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    theirs: dict[str, object] = state["identity"]
    for key in (*identity, *theirs):
        if identity.get(key) != theirs.get(key):
            raise ResumeError(f"{path} is of a run with another {key}: name another folder, or go on as it began")
    if int(state["step"]) > steps:
        done = int(state["step"])
        raise ResumeError(f"{path} has been trained for {done} steps already: name more steps, or another folder")
    return state


@contextmanager
def _saying_how_to_go_on(path: Path) -> Generator[None]:
    try:
        yield
    except (KeyError, RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise ResumeError(f"{path} cannot be gone on with ({reason}): name another folder, or delete it") from error


def _save(path: Path, step: int, learners: Sequence[_Learner], identity: Mapping[str, object]) -> None:
    """Write to a temporary file and rename it, so that a run killed here keeps its last checkpoint."""
    partial = path.with_suffix(".part")
    state: dict[str, Any] = {"step": step, "identity": identity}
    for learner in learners:
        state |= {name: part.state_dict() for name, part in learner.parts.items()}
    try:
        torch.save(state, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch raises RuntimeError if the disk is full
        partial.unlink(missing_ok=True)
        raise TrainingError(f"{path} cannot be written: make room, then run again") from error
