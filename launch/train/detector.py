"""`groundcast train detector`: trains a model on labelled pictures."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..evaluate.run import check_libraries, say_turned
from ..exits import InputError, make_writable, running
from ..report.run_report import show_classes, write_training_report
from ..settings.command_options import spread_options
from ..show.progress import busy
from .crops import crop_options, learn_crops
from .data import is_odvg, read_data, read_held_out, write_credits
from .options import TrainOptions
from .progress import TrainingProgress

if TYPE_CHECKING:
    from ...model.datasets.labelled import LabelledData
    from ...model.training.finetune import FinetuneRecipe
    from ...model.training.validation import HeldOut, JudgedStep
    from ...model.training.workers import Worker
    from ...model.weights.checkpoint import Checkpoint


@spread_options
def train_detector(
    annotations: Annotated[
        Path, typer.Argument(help="COCO's format (.json), or ODVG's lines (.jsonl).", show_default=False)
    ],
    pictures: Annotated[Path, typer.Argument(help="The folder of the pictures.", show_default=False)],
    options: TrainOptions,
) -> None:
    """Train a model on labelled pictures.

    Run the same again after an interruption to go on.
    On several GPUs: torchrun --nproc-per-node 4 --no-python groundcast train detector ...
    """
    _check(annotations, options)
    if options.validate is not None:
        check_libraries("faster_coco_eval", "matplotlib")
    with busy("loading PyTorch"):
        import torch

        from ...model.pretraining.pretrain import CropStage
        from ...model.training.finetune import finetune
        from ...model.training.trainer import ResumeError
        from ...model.weights.checkpoint import find_checkpoint

    recipe, device = _recipe(options), _device(options.device)
    with busy(f"reading {annotations}"):
        data, held_out = read_data(annotations, pictures, options), read_held_out(pictures, options)
    say_turned(data.turned, annotations)
    torch.manual_seed(options.seed)  # what is not taken from a file is drawn
    with busy("loading the weights to begin with"):
        path = None if options.from_nothing else find_checkpoint(options.model, offline=options.offline)
        first = _first(path, data, held_out, options)
    make_writable(options.folder)
    with ExitStack() as ends:
        worker = ends.enter_context(_this_worker())
        if recipe.crops is not None:
            stage = CropStage(first, path, data, held_out, recipe, recipe.crops, options.folder)
            first = learn_crops(stage, worker, device)
        shown = ends.enter_context(TrainingProgress(options.steps, options.batch * options.accumulate * worker.count))
        ends.enter_context(running(ResumeError))
        if worker.rank == 0:
            shown.step(0)
        finetune(
            first,
            path,
            data,
            held_out,
            recipe,
            options.folder,
            device=device,
            worker=worker,
            on_progress=shown,
            on_step=shown.step,
            on_judged=lambda one: _report(one, shown, options.folder),
        )
    if worker.rank == 0:
        if find_spec("matplotlib") is not None:
            write_training_report(options.folder)
        write_credits(annotations, options)
        _finish(options)


def _report(one: JudgedStep, shown: TrainingProgress, folder: Path) -> None:
    figures = ", ".join(f"{name} {value:.4f}" for name, value in one.judged.result.figures.items())
    shown.say(f"step {one.step}: {figures}")
    write_training_report(folder, one.judged if one.is_best else None)


def _check(annotations: Path, options: TrainOptions) -> None:
    """Refuse options that would do nothing."""
    if options.label_map is not None and not is_odvg(annotations):
        raise InputError(
            f"--label-map is for lines of ODVG (.jsonl), {annotations} names its labels itself: leave it away"
        )
    if options.words is not None and is_odvg(annotations):
        raise InputError("--words are for COCO's format: lines of ODVG state the wordings themselves")
    if options.validate_pictures is not None and options.validate is None:
        raise InputError("--validate-pictures are judged by nothing: name their annotations with --validate")


def _recipe(options: TrainOptions) -> FinetuneRecipe:
    from ...model.training.denoising import NoiseOptions
    from ...model.training.finetune import PARTS, FinetuneRecipe
    from ...model.training.picture_batches import PictureOptions
    from ...model.training.trainer import TrainingOptions

    only = tuple(part.strip() for part in options.only.split(",") if part.strip())
    unknown = [part for part in only if part not in PARTS]
    if unknown:
        raise InputError(f"--only {unknown[0]!r} is unknown: write {', '.join(PARTS)}")
    if options.mean_decay >= 1 or options.smallest > 1:
        raise InputError("--mean-decay must lie below 1, and --smallest in 0.1..1")
    return FinetuneRecipe(
        TrainingOptions(
            steps=options.steps,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            clip_norm=options.clip or None,
            accumulate=options.accumulate,
            mean_decay=options.mean_decay or None,
            checkpoint_every=options.checkpoint_every,
            loaders=options.loaders,
            seed=options.seed,
        ),
        PictureOptions(
            size=options.batch,
            scales=(options.smallest, 1.0),
            mirror=options.mirror,
            negatives=options.negatives,
            contrasts=options.contrasts,
            balance=options.balance,
            zoom=options.zoom,
            colours=options.colours,
            mosaic=options.mosaic,
            paste=options.paste,
            noise=NoiseOptions(options.noised) if options.noised else None,
            seed=options.seed,
        ),
        only=only,
        backbone_speed=options.backbone_rate,
        text_speed=options.text_rate,
        short_side=options.size,
        bfloat16=options.bfloat16,
        recompute=options.recompute,
        dense=options.dense,
        crops=crop_options(options),
    )


def _first(path: Path | None, data: LabelledData, held_out: HeldOut | None, options: TrainOptions) -> Checkpoint:
    """What training begins with; what is judged must be known too, and short enough to be read."""
    from ...model.datasets.labelled import WordingRows
    from ...model.dino.tokenizer import Tokenizer
    from ...model.evaluation.coco_eval import prompts_of
    from ...model.training.first_weights import edge_from_nothing, first_weights

    wordings = WordingRows()
    for wording in (*data.all_wordings, *([] if held_out is None else held_out.wordings)):
        wordings.row(wording)
    if path is None:
        first = edge_from_nothing(wordings.all, options.size or 480)
    else:
        first = first_weights(path, wordings.all, offline=options.offline)
    tokenizer = Tokenizer(first.vocabulary)
    for prompt in [] if held_out is None else prompts_of(held_out.data.categories, held_out.chunk):
        tokenizer.captions(prompt)
    return first


@contextmanager
def _this_worker() -> Generator[Worker]:
    """This process among those of torchrun, or alone."""
    from ...model.training.workers import Worker, launched_worker

    if "RANK" not in os.environ:
        yield Worker()
        return
    with launched_worker() as worker:
        yield worker


def _device(name: str) -> str:
    from ...model.runtime.device import named_device

    device = str(named_device(name))
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device


def _finish(options: TrainOptions) -> None:
    from ...model.training.validation import BEST, LAST, history

    best, judged = options.folder / BEST, history(options.folder)
    top = max(judged.items(), key=lambda point: point[1]) if judged else None
    if options.as_json:
        result = {"weights": str(best), "last": str(options.folder / LAST), "steps": options.steps}
        print(json.dumps(result if top is None else {**result, "best_step": top[0], "AP": round(top[1], 4)}))
    else:
        show_classes(options.folder)
        print(f"weights: {best}" + ("" if top is None else f" (AP {top[1]:.4f} at step {top[0]})"))
