"""tabletop's training recipe: model, scenes and steps."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import nn

from ..config import ModelConfig, TextConfig
from ..dino.grounding_dino import GroundingDino
from ..dino.tokenizer import Tokenizer
from ..tabletop.dataset import open_shards
from ..tabletop.vocabulary import known_wordings, vocabulary
from ..weights.checkpoint import (
    Checkpoint,
    file_sha256,
    find_checkpoint,
    keep_weights,
    read_checkpoint,
    set_weights,
    write_checkpoint,
)
from .batch import Batch
from .crops import CropBatches, CropTask
from .detection import DetectionTask
from .feature_noise import add_feature_noise
from .loss import LossWeights
from .stored_scenes import ShardScenes
from .tabletop_batches import BatchOptions, TabletopBatches
from .trainer import Progress, TrainingOptions, Watcher, train
from .workers import Worker, run_workers


@dataclass(frozen=True, slots=True)
class TabletopRecipe:
    """Everything that determines the weights, except the machine's rounding.

    Args:
        scenes: the folder of rendered training scenes.
        folder: receives checkpoints, the curve and finally the weights.
        crop_steps: steps of the backbone's pretraining on crops.
        steps: steps of the detector; the last `whole_share` of them use whole pictures instead of crops.
        crop_batch, cut_batch, whole_batch: pictures per step and worker.
        workers: processes that share their gradients.
        noise: standard deviation of the feature noise; see `add_feature_noise`.
        mean_decay: decay per step of the exponential mean of the weights, which is what is written.
        bfloat16: autocast the detector's forward pass.
        first: initial weights, instead of the backbone's pretraining on crops.
    """

    scenes: Path
    folder: Path
    first: Path | None = None
    crop_steps: int = 3000
    steps: int = 6000
    whole_share: float = 0.2
    crop_batch: int = 64
    cut_batch: int = 8
    whole_batch: int = 6
    workers: int = 2
    crop_learning_rate: float = 1.5e-3
    learning_rate: float = 8e-4
    noise: float = 0.04
    mean_decay: float = 0.998
    bfloat16: bool = False
    seed: int = 20

    @property
    def steps_before(self) -> int:
        """The number of pretraining steps before the detector's."""
        return self.crop_steps if self.first is None else 0

    @property
    def cut_steps(self) -> int:
        """The number of steps with crops of pictures."""
        return round(self.steps * (1 - self.whole_share))


def tabletop_config() -> ModelConfig:
    """The embedded model's configuration."""
    text = TextConfig(len(vocabulary()), width=128, layers=2, heads=4, feed_forward=512)
    return ModelConfig("tabletop", text, backbone="fasternet_t0", proposals="peaks")


def train_recipe(recipe: TabletopRecipe, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
    """Train from scratch, or continue from the last checkpoint in `recipe.folder`; then write the weights there."""
    run_workers(_Job(recipe, on_progress), recipe.workers)


@dataclass(frozen=True, slots=True)
class _Job:
    """The job of each worker; picklable, since workers are processes."""

    recipe: TabletopRecipe
    on_progress: Callable[[Progress], None]

    def __call__(self, worker: Worker) -> None:
        recipe = self.recipe
        torch.manual_seed(recipe.seed)
        model = GroundingDino(tabletop_config())
        scenes = ShardScenes(open_shards(recipe.scenes))
        first = None if recipe.first is None else find_checkpoint(str(recipe.first))
        identity = _identity(recipe, first, len(scenes))
        if first is not None:
            set_weights(model, read_checkpoint(first).weights, first)
        elif recipe.crop_steps:
            crops = CropBatches(scenes, recipe.crop_batch, recipe.seed * 1000 + worker.rank)
            options = TrainingOptions(recipe.crop_steps, recipe.crop_learning_rate, weight_decay=0.02)
            task = CropTask(model.backbone)
            train(task, crops, options, recipe.folder / "crops", Watcher(self.on_progress), worker, identity)
        if recipe.noise:
            add_feature_noise(model, recipe.noise)
        options = TrainingOptions(recipe.steps, recipe.learning_rate, mean_decay=recipe.mean_decay)
        batches = _batches(recipe, scenes, worker)
        task = DetectionTask(model, LossWeights(dense=1.0), bfloat16=recipe.bfloat16)
        train(task, batches, options, recipe.folder, Watcher(self._tell, self._write), worker, identity)

    def _tell(self, progress: Progress) -> None:
        """Report progress with steps counted over both parts."""
        self.on_progress(replace(progress, step=self.recipe.steps_before + progress.step))

    def _write(self, _step: int, networks: Mapping[str, nn.Module]) -> None:
        write_weights(cast("GroundingDino", networks["model"]), self.recipe)


def _identity(recipe: TabletopRecipe, first: Path | None, scenes: int) -> dict[str, object]:
    """The settings that must not change when a run is resumed."""
    free = {"scenes", "folder", "first", "steps", "crop_steps"}
    own = {key.replace("_", " "): value for key, value in asdict(recipe).items() if key not in free}
    return {**own, "number of scenes": scenes, "first weights": None if first is None else file_sha256(first)}


def write_weights(model: GroundingDino, recipe: TabletopRecipe) -> Path:
    """Write the weights with their description, the recipe and the curve."""
    path = recipe.folder / "tabletop.safetensors"
    first = None if recipe.first is None else file_sha256(find_checkpoint(str(recipe.first)))
    made_by = {key: value for key, value in asdict(recipe).items() if key not in ("scenes", "folder")} | {
        "first": first
    }
    points = [json.loads(line) for line in (recipe.folder / "curve.jsonl").read_text().splitlines()]
    facts = {"recipe": made_by, "curve": [[point["step"], round(point["loss"], 3)] for point in points]}
    write_checkpoint(path, Checkpoint(model.config, vocabulary(), known_wordings(), keep_weights(model)), facts)
    return path


def _batches(recipe: TabletopRecipe, scenes: ShardScenes, worker: Worker) -> Callable[[int], Batch]:
    tokenizer = Tokenizer(vocabulary())
    cuts = BatchOptions(size=recipe.cut_batch, seed=recipe.seed * 1000 + worker.rank)
    whole = replace(cuts, size=recipe.whole_batch, size_hw=(256, 320), whole=True)
    early, late = (TabletopBatches(scenes, tokenizer, options) for options in (cuts, whole))
    return lambda step: early(step) if step < recipe.cut_steps else late(step)
