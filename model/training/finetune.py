"""Fine-tuning on labelled pictures: the recipe of trained parts, rates and batches."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ..datasets.labelled import LabelledData
from ..detector import DetectorOptions
from ..dino.grounding_dino import GroundingDino
from ..dino.tokenizer import Tokenizer
from ..runtime.input_rule import InputRule
from ..weights.checkpoint import Checkpoint, file_sha256, set_weights
from .detection import DetectionTask
from .loss import LossWeights
from .picture_batches import PictureBatches, PictureOptions
from .trainer import CHECKPOINT, CURVE, Progress, TrainingOptions, Watcher, make_folder, train
from .validation import FIGURES, HeldOut, JudgedStep, Validation
from .workers import Worker

# Parts that can be trained alone, as patterns of parameter names.
PARTS: Mapping[str, tuple[str, ...]] = {
    "backbone": ("model.backbone.*",),
    "language": (
        "model.text_encoder.*",
        "model.encoder.layers.*.text_attention.*",
        "model.encoder.layers.*.text_norm.*",
        "model.encoder.layers.*.text_feed_forward.*",
    ),
    "fusion": ("model.encoder.layers.*.fusion.*",),
    "decoder": ("model.decoder.*", "model.query_content", "model.selection.*", "model.classify.*"),
}


@dataclass(frozen=True, slots=True)
class CropRecipe:
    """A stage before the detector's: the backbone tells crops of the annotated objects apart.

    Args:
        steps: its optimiser steps.
        size: crops per step and worker.
        learning_rate: the peak of its schedule.
        max_bytes: memory for crops in each worker; of more boxes some are drawn.
    """

    steps: int
    size: int = 128
    learning_rate: float = 1.3e-3
    max_bytes: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class FinetuneRecipe:
    """Everything that determines the weights, except the data, the first weights and the machine's rounding.

    Args:
        training: steps and rates.
        pictures: how batches are drawn.
        only: the trained parts, of `PARTS`; empty is all.
        backbone_speed: the backbone's learning rate relative to the others'; 0 freezes it.
        text_speed: the same for BERT.
        short_side: of the network's input, px; None is the size of the first weights' training.
        bfloat16: autocast the forward pass.
        recompute: activation checkpointing, which saves memory.
        dense: weight of the dense auxiliary loss; 0 turns it off.
        crops: the stage before; None: there was none.
    """

    training: TrainingOptions
    pictures: PictureOptions = field(default_factory=PictureOptions)
    only: tuple[str, ...] = ()
    backbone_speed: float = 0.1
    text_speed: float = 0.1
    short_side: int | None = None
    bfloat16: bool = False
    recompute: bool = False
    dense: float = 0.0
    crops: CropRecipe | None = None

    @property
    def speeds(self) -> dict[str, float]:
        """Factors of the learning rate by patterns of parameter names, for the optimiser."""
        slow = {"model.backbone.body.*": self.backbone_speed, "model.text_encoder.bert.*": self.text_speed}
        if not self.only:
            return slow
        trained = {pattern: 1.0 for part in self.only for pattern in PARTS[part]}
        frozen = {pattern: 0.0 for part, own in PARTS.items() if part not in self.only for pattern in own}
        return {"model.*": 0.0, **trained, **slow, **frozen}


def finetune(
    first: Checkpoint,
    path: Path | None,
    data: LabelledData,
    held_out: HeldOut | None,
    recipe: FinetuneRecipe,
    folder: Path,
    *,
    device: str = "cpu",
    worker: Worker | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_step: Callable[[int], None] = lambda step: None,
    on_judged: Callable[[JudgedStep], None] = lambda judged: None,
) -> None:
    """Train from the first weights, or continue from the last checkpoint in `folder`.

    Args:
        first: the initial weights.
        path: their file; None for random weights.
        data: the training data.
        held_out: the data on which the weights are evaluated at each checkpoint.
        recipe: the settings.
        folder: receives checkpoints, the curve, the figures, the last and the best weights; the model bears its name.
        device: where the model is trained.
        worker: this process, if several train together.
        on_progress, on_step, on_judged: called in the worker of rank 0.

    Raises:
        CheckpointError: the first weights do not fit their configuration.
        CocoError: a picture cannot be read.
        ResumeError: the folder holds another run, or one of more steps.
        TrainingError: the loss or a weight is no longer a number, or the folder cannot be written.
    """
    torch.manual_seed(recipe.training.seed)
    model = GroundingDino(first.config)
    set_weights(model, first.weights, path or folder)
    model.to(device)
    if recipe.recompute:
        model.recompute()
    denoise = recipe.pictures.noise is not None
    weights = LossWeights(dense=recipe.dense)
    task = DetectionTask(model, weights, denoise=denoise, bfloat16=recipe.bfloat16)
    rule = InputRule(first.config, recipe.short_side)
    first = replace(first, config=rule.trained)
    batches = PictureBatches(data, rule, Tokenizer(first.vocabulary), recipe.pictures, worker)
    facts = _facts(recipe, first, data, path)
    make_folder(folder)
    if not (folder / CHECKPOINT).exists():
        for leftover in (CURVE, FIGURES):  # of a run without a checkpoint
            (folder / leftover).unlink(missing_ok=True)
    trained = replace(first, config=replace(first.config, name=folder.resolve().name or first.config.name))
    validation = Validation(trained, folder, DetectorOptions(device=device), held_out, facts)

    def on_checkpoint(step: int, networks: Mapping[str, torch.nn.Module]) -> None:
        if (judged := validation(step, networks)) is not None:
            on_judged(judged)

    identity = _identity(recipe, first, facts, held_out, worker or Worker())
    options = replace(recipe.training, speeds=recipe.speeds)
    train(task, batches, options, folder, Watcher(on_progress, on_checkpoint, on_step=on_step), worker, identity)


def _facts(recipe: FinetuneRecipe, first: Checkpoint, data: LabelledData, path: Path | None) -> dict[str, Any]:
    began = {"name": first.config.name, "sha256": None if path is None else file_sha256(path)}
    return {
        "recipe": asdict(recipe),
        "began_with": began,
        "learnt_from": {"annotations": data.path.name, "sha256": data.sha256, "pictures": len(data.pictures)},
    }


def _identity(
    recipe: FinetuneRecipe, first: Checkpoint, facts: Mapping[str, Any], held_out: HeldOut | None, worker: Worker
) -> dict[str, object]:
    """The settings that must not change when a run is resumed; steps, checkpoint interval and memory use may."""
    free = {"steps", "checkpoint_every", "loaders", "accumulate"}
    training = {key: value for key, value in asdict(recipe.training).items() if key not in free}
    pictures = {key: value for key, value in asdict(recipe.pictures).items() if key != "size"}
    own = {
        "first weights": facts["began_with"],
        "data": facts["learnt_from"]["sha256"],
        "held-out data": None if held_out is None else held_out.data.source.sha256,
        "words": [*first.vocabulary, *(first.known_wordings or ())],
        "pictures a step": recipe.pictures.size * recipe.training.accumulate * worker.count,
        "schedule": training,
        "way of drawing batches": pictures,
        "parts that learn": recipe.speeds,
        "size of the input": recipe.short_side,
        "number format": recipe.bfloat16,
        "dense helper": recipe.dense,
        "stage on crops": None if recipe.crops is None else asdict(recipe.crops),
    }
    plain: dict[str, object] = json.loads(json.dumps(own))
    return plain
