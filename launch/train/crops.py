"""The stage of `groundcast train detector` before the detector's: crops of the annotated objects are told apart."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..exits import running
from ..report.run_report import write_training_report
from ..show.progress import progress
from .options import TrainOptions
from .progress import TrainingProgress

if TYPE_CHECKING:
    from pathlib import Path

    from ...model.pretraining.crop_plan import CropPlan
    from ...model.pretraining.pretrain import CropStage, JudgedCrops
    from ...model.training.finetune import CropRecipe
    from ...model.training.workers import Worker
    from ...model.weights.checkpoint import Checkpoint


def crop_options(options: TrainOptions) -> CropRecipe | None:
    """The stage that the options ask for, if they do."""
    from ...model.training.finetune import CropRecipe

    if options.crop_steps == 0:
        return None
    return CropRecipe(options.crop_steps, options.crop_batch, options.crop_rate, options.crop_memory * 1_000_000)


def learn_crops(stage: CropStage, worker: Worker, device: str) -> Checkpoint:
    """Run the stage, or what an interruption has left of it; returns what the detector begins with.

    Raises:
        CocoError: the annotations have nothing for it, or a picture cannot be read.
        ResumeError: the folder holds another run.
    """
    from ...model.pretraining.pretrain import Pretraining
    from ...model.training.trainer import CHECKPOINT, ResumeError

    if (stage.folder / CHECKPOINT).exists():  # the detector's training has begun, and goes on from there
        return stage.first
    pretraining = Pretraining(stage, worker)
    if not pretraining.is_done:
        if worker.rank == 0:
            print(_words(pretraining.plan, stage.options), file=sys.stderr)
            with progress("cutting out crops") as advance:
                pretraining.read(advance)
        else:
            pretraining.read()
    with (
        TrainingProgress(stage.options.steps, stage.options.size * worker.count, "crop") as shown,
        running(ResumeError),
    ):
        if worker.rank == 0 and not pretraining.is_done:
            shown.step(0)
        return pretraining.learn(
            device,
            on_progress=shown,
            on_step=shown.step,
            on_judged=lambda one: _report(one, shown, stage.folder),
        )


def _words(plan: CropPlan, options: CropRecipe) -> str:
    """What is about to happen, before the pictures are read."""
    drawn = f" (drawn from {plan.boxes:,}: --crop-memory)" if len(plan.labels) < plan.boxes else ""
    return (
        f"telling {len(plan.classes):,} classes apart on {len(plan.labels):,} objects{drawn} of {len(plan.cuts):,} "
        f"pictures, {options.steps:,} steps of {options.size} crops"
    )


def _report(one: JudgedCrops, shown: TrainingProgress, folder: Path) -> None:
    figures = one.figures
    shown.say(
        f"crop step {one.step}: top-1 {figures.top1:.4f}, mean of classes {figures.class_top1:.4f}, "
        f"on {figures.crops:,} held-out crops"
    )
    if find_spec("matplotlib") is not None:
        write_training_report(folder)
