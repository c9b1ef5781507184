# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The recipe of learning from labelled pictures: which parts learn how fast, from which batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from ..checkpoint import Checkpoint, set_weights
from ..detector import DetectorOptions
from ..grounding_dino import GroundingDino
from ..input_rule import InputRule
from ..tokenizer import Tokenizer
from .detection import DetectionLesson
from .labelled import LabelledData
from .picture_batches import PictureBatches, PictureOptions
from .trainer import Progress, TrainingOptions, Watcher, train
from .validation import HeldOut, Validation
from .workers import Worker

# What may be taught alone, by patterns of names.
PARTS: Mapping[str, tuple[str, ...]] = {
    "backbone": ("model.backbone.*",),
    "language": ("model.text_encoder.*", "model.encoder.layers.*.text_*"),
    "fusion": ("model.encoder.layers.*.fusion.*",),
    "decoder": ("model.decoder.*", "model.query_content", "model.selection.*", "model.classify.*"),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the weights, besides the data, the first weights and the machine's rounding.

    Args:
        training: steps and rates.
        pictures: how batches are drawn.
        only: the parts that learn, of `PARTS`; empty is all.
        backbone_speed: the backbone's rate in parts of the others'; 0 freezes it.
        text_speed: BERT's.
        short_side: of the network's input, px; None is what the weights were trained at.
        bfloat16: autocast the forward pass.
        recompute: layers' insides are computed again on the way back instead of kept.
    """

    training: TrainingOptions
    pictures: PictureOptions = field(default_factory=PictureOptions)
    only: tuple[str, ...] = ()
    backbone_speed: float = 0.1
    text_speed: float = 0.1
    short_side: int | None = None
    bfloat16: bool = False
    recompute: bool = False

    @property
    def speeds(self) -> dict[str, float]:
        """By patterns of names, for the optimiser."""
        slow = {"model.backbone.body.*": self.backbone_speed, "model.text_encoder.bert.*": self.text_speed}
        if not self.only:
            return slow
        taught = {pattern: 1.0 for part in self.only for pattern in PARTS[part]}
        frozen = {pattern: 0.0 for part, own in PARTS.items() if part not in self.only for pattern in own}
        return {"model.*": 0.0, **taught, **slow, **frozen}


def finetune(
    first: Checkpoint,
    path: Path,
    data: LabelledData,
    held_out: HeldOut | None,
    recipe: Recipe,
    folder: Path,
    *,
    device: str = "cpu",
    worker: Worker | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_figures: Callable[[int, Mapping[str, float]], None] = lambda step, figures: None,
) -> None:
    """Train from the first weights, or go on from the last checkpoint in `folder`.

    Args:
        first: what to begin with.
        path: where it comes from, for errors.
        data: what is learnt.
        held_out: what the weights are judged by at each checkpoint.
        recipe: how.
        folder: receives checkpoints, the curve, the figures, the last and the best weights.
        device: where the model is trained.
        worker: this process among those that train together.
        on_progress, on_figures: called in the worker of rank 0.

    Raises:
        CheckpointError: the first weights do not fit their configuration.
        CocoError: a picture cannot be read.
        FloatingPointError: the loss is no longer a number.
        TrainingError: the folder holds another run.
    """
    torch.manual_seed(recipe.training.seed)
    model = GroundingDino(first.config)
    set_weights(model, first.weights, path)
    model.to(device)
    if recipe.recompute:
        model.recompute()
    denoise = recipe.pictures.noise is not None
    lesson = DetectionLesson(model, denoise=denoise, bfloat16=recipe.bfloat16)
    rule = InputRule(first.config, recipe.short_side)
    batches = PictureBatches(data, rule, Tokenizer(first.vocabulary), recipe.pictures, worker)
    judged = DetectorOptions(device=device, size=recipe.short_side)
    validation = Validation(first, folder, judged, held_out, _facts(recipe, first, data))

    def on_checkpoint(step: int, networks: Mapping[str, torch.nn.Module]) -> None:
        if figures := validation(step, networks):
            on_figures(step, figures)

    watcher = Watcher(on_progress, on_checkpoint)
    train(lesson, batches, replace(recipe.training, speeds=recipe.speeds), folder, watcher, worker)


def _facts(recipe: Recipe, first: Checkpoint, data: LabelledData) -> dict[str, Any]:
    return {
        "recipe": asdict(recipe),
        "began_with": first.config.name,
        "learnt_from": {"annotations": data.path.name, "sha256": data.sha256, "pictures": len(data.pictures)},
    }
