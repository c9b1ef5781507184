# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The recipe of tabletop: which model, which scenes, which steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..checkpoint import Checkpoint, keep_weights, write_checkpoint
from ..config import ModelConfig, TextConfig
from ..grounding_dino import GroundingDino
from ..tabletop.dataset import Shard, open_shards
from ..tabletop.vocabulary import known_wordings, vocabulary
from ..tabletop.words import COLOURS, KINDS
from ..tokenizer import Tokenizer
from .tabletop_batches import BatchOptions, StoredScene, TabletopBatches
from .trainer import Batch, Progress, TrainingOptions, train
from .workers import Worker, run_workers


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the weights, besides the machine's rounding.

    Args:
        scenes: the folder of rendered training scenes.
        folder: receives checkpoints, the curve and at last the weights.
        steps: of the optimiser; the last `whole_share` of them see whole pictures instead of cuts.
        cut_batch, whole_batch: pictures a step, in each worker.
        workers: processes that share their gradients.
    """

    scenes: Path
    folder: Path
    steps: int = 6000
    whole_share: float = 0.2
    cut_batch: int = 8
    whole_batch: int = 6
    workers: int = 2
    learning_rate: float = 8e-4
    seed: int = 20

    @property
    def cut_steps(self) -> int:
        """How many steps see cuts."""
        return round(self.steps * (1 - self.whole_share))


class ShardScenes(Sequence[StoredScene]):
    """The scenes of several shards, one after another, pictures read from disk as they are asked for."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self._pictures = [shard.images() for shard in shards]
        self._objects: list[list[NDArray[np.void]]] = []
        for shard in shards:
            rows = shard.objects()
            bounds = np.searchsorted(rows["scene"], np.arange(1, shard.count))
            self._objects.append(np.split(rows, bounds))
        self._starts = np.cumsum([0, *(shard.count for shard in shards)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> StoredScene:  # pyright: ignore[reportIncompatibleMethodOverride]
        shard = int(np.searchsorted(self._starts, index, "right")) - 1
        row = index - int(self._starts[shard])
        rows = self._objects[shard][row]
        pairs = tuple((COLOURS[int(one["colour"])], KINDS[int(one["kind"])]) for one in rows)
        return StoredScene(self._pictures[shard][row], pairs, rows["box_xyxy"].copy(), rows["visible"].copy())


def tabletop_config() -> ModelConfig:
    """The embedded model's sizes."""
    return ModelConfig("tabletop", TextConfig(len(vocabulary()), width=128, layers=2, heads=4, feed_forward=512))


def train_recipe(recipe: Recipe, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
    """Train from scratch, or go on from the last checkpoint in `recipe.folder`; then write the weights there."""
    run_workers(_Job(recipe, on_progress), recipe.workers)


@dataclass(frozen=True, slots=True)
class _Job:
    """What each worker does; picklable, since workers are processes."""

    recipe: Recipe
    on_progress: Callable[[Progress], None]

    def __call__(self, worker: Worker) -> None:
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        model = GroundingDino(tabletop_config())
        options = TrainingOptions(recipe.steps, recipe.learning_rate)
        batches = _batches(recipe, worker)
        train(model, batches, options, recipe.folder, self.on_progress, worker=worker)
        if worker.rank == 0:
            write_weights(model, recipe)


def write_weights(model: GroundingDino, recipe: Recipe) -> Path:
    """The weights, what belongs to them, and how they came about: recipe and curve."""
    path = recipe.folder / "tabletop.safetensors"
    made_by = {key: value for key, value in asdict(recipe).items() if not isinstance(value, Path)}
    points = [json.loads(line) for line in (recipe.folder / "curve.jsonl").read_text().splitlines()]
    facts = {"recipe": made_by, "curve": [[point["step"], round(point["loss"], 3)] for point in points]}
    write_checkpoint(path, Checkpoint(model.config, vocabulary(), known_wordings(), keep_weights(model)), facts)
    return path


def _batches(recipe: Recipe, worker: Worker) -> Callable[[int], Batch]:
    scenes = ShardScenes(open_shards(recipe.scenes))
    tokenizer = Tokenizer(vocabulary())
    cuts = BatchOptions(size=recipe.cut_batch, seed=recipe.seed * 1000 + worker.rank)
    whole = replace(cuts, size=recipe.whole_batch, size_hw=(256, 320), whole=True)
    early, late = (TabletopBatches(scenes, tokenizer, options) for options in (cuts, whole))
    return lambda step: early(step) if step < recipe.cut_steps else late(step)
