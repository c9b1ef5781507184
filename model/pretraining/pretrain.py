"""Pretraining of a detector's backbone: it learns to tell crops of the annotated objects apart."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.labelled import LabelledData, labelled_coco
from ..dino.backbone import Backbone
from ..training.finetune import CropRecipe, FinetuneRecipe
from ..training.optimiser import TrainingError
from ..training.trainer import CURVE, Progress, TrainingOptions, Watcher, make_folder, steps_done, train
from ..training.validation import FIGURES, LAST, HeldOut
from ..training.workers import Worker
from ..weights.checkpoint import Checkpoint, file_sha256, set_weights, write_checkpoint
from .crop_batches import ObjectCropBatches, judged_batches
from .crop_classes import CropFigures, ObjectClassTask
from .crop_pictures import BYTES_PER_CROP, Image, read_crops
from .crop_plan import plan_crops

FOLDER = "crops"  # in the folder of the detector's training
_BODY = "backbone.body."
_MAX_JUDGED = 3000  # crops of held-out pictures
_CHECKPOINT_EVERY = 100
_WEIGHT_DECAY, _CLIP_NORM = 0.02, 2.0


@dataclass(frozen=True, slots=True)
class CropStage:
    """What the stage begins with.

    Args:
        first: the initial weights.
        path: their file; None for random weights.
        data: the training data.
        held_out: the data whose crops show how well classes are told apart; None: nothing does.
        recipe: of the detector's training; its seed, number format, mirroring and loaders are the stage's too.
        options: the stage's own.
        folder: of the detector's training; the stage's is in it.
    """

    first: Checkpoint
    path: Path | None
    data: LabelledData
    held_out: HeldOut | None
    recipe: FinetuneRecipe
    options: CropRecipe
    folder: Path


@dataclass(frozen=True, slots=True)
class JudgedCrops:
    """The figures on crops of held-out pictures after a step."""

    step: int
    figures: CropFigures


class Pretraining:
    """The stage of one training, in two parts: `read` and `learn`. It goes on from the last checkpoint in its folder.

    Attributes:
        plan: the crops that are learnt from.
        is_done: whether all steps are; nothing needs to be read then.
    """

    def __init__(self, stage: CropStage, worker: Worker | None = None) -> None:
        """
        Raises:
            CocoError: no box is large enough, or there are no two classes to tell apart.
            ResumeError: the folder holds another run, or one of more steps.
        """
        self._stage, self._worker = stage, worker or Worker()
        self._folder, seed = stage.folder / FOLDER, stage.recipe.training.seed
        self.plan = plan_crops(stage.data, max(1, stage.options.max_bytes // BYTES_PER_CROP), seed)
        self._judged_plan = None
        if stage.held_out is not None:
            judged = labelled_coco(stage.held_out.data, stage.data.words)
            plan = plan_crops(judged, _MAX_JUDGED, seed, self.plan.classes)
            self._judged_plan = plan if plan.labels else None
        self._crops: Image | None = None
        self._judged_crops: Image | None = None
        self._identity = _identity(stage, self.plan.classes, self._worker)
        done = steps_done(self._folder, self._identity, stage.options.steps)
        self.is_done = done == stage.options.steps
        if done == 0:
            for leftover in (CURVE, FIGURES):  # of a run without a checkpoint
                (self._folder / leftover).unlink(missing_ok=True)

    def read(self, on_read: Callable[[int, int], None] = lambda done, of: None) -> None:
        """Read the pictures, and keep their crops.

        Args:
            on_read: called with how many pictures are read, and how many there are.

        Raises:
            CocoError: a picture cannot be read.
        """
        threads, judged, own = self._stage.recipe.training.loaders, self._judged_plan, len(self.plan.cuts)
        count = own if judged is None else own + len(judged.cuts)
        self._crops = read_crops(self.plan, threads, lambda done, _: on_read(done, count))
        if judged is not None:
            self._judged_crops = read_crops(judged, threads, lambda done, _: on_read(own + done, count))

    def learn(
        self,
        device: str = "cpu",
        *,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        on_step: Callable[[int], None] = lambda step: None,
        on_judged: Callable[[JudgedCrops], None] = lambda judged: None,
    ) -> Checkpoint:
        """Train, and return the initial weights with the backbone that was trained.

        After each checkpoint they are also in `crops/last.safetensors`.

        Args:
            device: where the backbone is trained.
            on_progress, on_step, on_judged: called in the worker of rank 0.

        Raises:
            CheckpointError: the first weights do not fit their configuration.
            TrainingError: the loss or a weight is no longer a number, or the folder cannot be written.
        """
        recipe, options = self._stage.recipe, self._stage.options
        torch.manual_seed(recipe.training.seed)
        backbone = _backbone(self._stage)
        task = ObjectClassTask(backbone, len(self.plan.classes), device, bfloat16=recipe.bfloat16)
        make_folder(self._folder)

        def on_checkpoint(step: int, _networks: Mapping[str, nn.Module]) -> None:
            self._write(step, backbone)
            if (figures := self._judge(step, task)) is not None:
                on_judged(JudgedCrops(step, figures))

        train(
            task,
            self._batches(),
            TrainingOptions(
                options.steps,
                options.learning_rate,
                weight_decay=_WEIGHT_DECAY,
                clip_norm=_CLIP_NORM,
                checkpoint_every=min(_CHECKPOINT_EVERY, recipe.training.checkpoint_every),
                loaders=recipe.training.loaders,
                seed=recipe.training.seed,
            ),
            self._folder,
            Watcher(on_progress, on_checkpoint, on_step=on_step),
            self._worker,
            self._identity,
        )
        return self._with(backbone)

    def _batches(self) -> ObjectCropBatches:
        crops = self._crops
        if crops is None:
            assert self.is_done, "read the pictures before"
            crops = np.empty((0, 0, 0, 3), np.uint8)
        recipe, size = self._stage.recipe, self._stage.options.size
        mirror, seed = recipe.pictures.mirror, recipe.training.seed
        return ObjectCropBatches(self.plan, crops, size, seed, mirror=mirror, worker=self._worker)

    def _judge(self, step: int, task: ObjectClassTask) -> CropFigures | None:
        """The figures, if there are any; a step that was judged before is skipped."""
        path = self._folder / FIGURES
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if (
            self._judged_plan is None
            or self._judged_crops is None
            or step in {json.loads(one)["step"] for one in lines}
        ):
            return None
        figures = task.judge(judged_batches(self._judged_plan, self._judged_crops, self._stage.options.size))
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **asdict(figures)}) + "\n")
        except OSError as error:
            raise TrainingError(f"{path} cannot be written ({error.strerror}): make room, then run again") from error
        return figures

    def _write(self, step: int, backbone: Backbone) -> None:
        try:
            write_checkpoint(self._folder / LAST, self._with(backbone), {"crops": {**self._identity, "step": step}})
        except OSError as error:
            raise TrainingError(f"{self._folder} cannot be written ({error}): make room, then run again") from error

    def _with(self, backbone: Backbone) -> Checkpoint:
        first = self._stage.first
        learnt = {f"{_BODY}{name}": tensor.detach().cpu() for name, tensor in backbone.body.state_dict().items()}
        weights: dict[str, Tensor] = {name: learnt.get(name, first.weights[name]) for name in first.weights}
        return replace(first, weights=weights)


def _backbone(stage: CropStage) -> Backbone:
    """The backbone with the first weights."""
    backbone = Backbone(stage.first.config)
    part = "backbone."
    own = {name.removeprefix(part): name for name in stage.first.weights if name.startswith(part)}
    weights = {name: stage.first.weights[stored] for name, stored in own.items()}
    set_weights(backbone, weights, stage.path or stage.folder)
    return backbone


def _identity(stage: CropStage, classes: tuple[str, ...], worker: Worker) -> dict[str, object]:
    """The settings that must not change when a run is resumed."""
    options = stage.options
    return {
        "first weights": None if stage.path is None else file_sha256(stage.path),
        "data": stage.data.sha256,
        "classes": list(classes),
        "crops a step": options.size * worker.count,
        "rate": options.learning_rate,
        "memory for crops": options.max_bytes,
        "seed": stage.recipe.training.seed,
        "way of mirroring": stage.recipe.pictures.mirror,
        "number format": stage.recipe.bfloat16,
    }
