# pyright: reportUnknownMemberType=false
"""`groundcast train detector`: any model of the family, taught with labelled pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command_options import MOST_SEED, spread_options
from .eval_run import check_libraries, say_turned
from .exits import InputError, make_writable, running
from .progress import busy
from .training_progress import TrainingProgress

if TYPE_CHECKING:
    from ..model.checkpoint import Checkpoint
    from ..model.training.finetune import Recipe
    from ..model.training.labelled import LabelledData
    from ..model.training.validation import HeldOut
    from ..model.training.workers import Worker


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a training is told."""

    model: Annotated[str, typer.Option(help="What to begin with: a name, or a path to weights.")] = "tabletop"
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="Begin an Edge model without any knowledge instead.")
    ] = False
    folder: Annotated[
        Path, typer.Option(help="Checkpoints, the curve and the weights go here; the same again goes on.")
    ] = Path("runs/detector")
    label_map: Annotated[Path | None, typer.Option(help="Names of the labels, where data are lines of ODVG.")] = None
    words: Annotated[
        Path | None,
        typer.Option(help="A vocabulary: other wordings of classes, and which may be true of one object (JSON)."),
    ] = None
    lvis: Annotated[bool, typer.Option("--lvis", help="Data in LVIS's format: not all categories are annotated.")] = (
        False
    )
    validate: Annotated[Path | None, typer.Option(help="COCO-format annotations to judge by; keeps the best AP.")] = (
        None
    )
    validate_pictures: Annotated[Path | None, typer.Option(help="Their pictures. Default: as those for training.")] = (
        None
    )
    keep_odd_boxes: Annotated[
        bool,
        typer.Option(
            "--keep-odd-boxes", help="Cut boxes to their picture and drop those of no area; else they are refused."
        ),
    ] = False
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = 5000
    batch: Annotated[int, typer.Option(help="Pictures at once, in each process.", min=1)] = 4
    accumulate: Annotated[int, typer.Option(help="Batches a step, one after another.", min=1)] = 1
    learning_rate: Annotated[float, typer.Option(help="The highest, of most parts.", min=0.0, max=1.0)] = 1e-4
    backbone_rate: Annotated[float, typer.Option(help="The backbone's in parts of that; 0 freezes it.", min=0.0)] = 0.1
    text_rate: Annotated[float, typer.Option(help="BERT's in parts of that; 0 freezes it.", min=0.0)] = 0.1
    only: Annotated[
        str, typer.Option(help="Parts that learn, by commas: backbone, language, fusion, decoder. Default: all.")
    ] = ""
    weight_decay: Annotated[float, typer.Option(help="Of matrices alone.", min=0.0)] = 1e-4
    clip: Annotated[float, typer.Option(help="Gradients are scaled down to this norm; 0: never.", min=0.0)] = 0.1
    mean_decay: Annotated[
        float, typer.Option(help="Keep a running mean of the weights, the part of it kept a step; 0: none.", min=0.0)
    ] = 0.999
    negatives: Annotated[int, typer.Option(help="Phrases asked that are not in the picture, at most.", min=0)] = 80
    contrasts: Annotated[
        int, typer.Option(help="Phrases asked of which a picture states nothing: boxes of others are none.", min=0)
    ] = 0
    balance: Annotated[
        float, typer.Option(help="Repeat classes in less than this part of the pictures; 0: none.", min=0.0, max=1.0)
    ] = 0.0
    zoom: Annotated[float, typer.Option(help="Cut half of the pictures, to 1 / this of a side; 1: none.", min=1.0)] = (
        1.0
    )
    colours: Annotated[bool, typer.Option("--colours", help="Change light, colour, sharpness and compression.")] = False
    mosaic: Annotated[float, typer.Option(help="The part that is four pictures in one.", min=0.0, max=1.0)] = 0.0
    paste: Annotated[float, typer.Option(help="The part that gets an object of another.", min=0.0, max=1.0)] = 0.0
    dense: Annotated[
        float,
        typer.Option(help="Weight of the helper that tells places inside boxes what they show; 0: none.", min=0.0),
    ] = 0.0
    noised: Annotated[int, typer.Option(help="Queries a picture for denoising; 0: none.", min=0, max=1000)] = 100
    mirror: Annotated[bool, typer.Option(help="Mirror half of the pictures; not where 'left' or 'right' is asked.")] = (
        True
    )
    size: Annotated[
        int | None, typer.Option(help="The network's input: its short side for a 4:3 picture, px.", min=32, max=4096)
    ] = None
    smallest: Annotated[float, typer.Option(help="Pictures are scaled by a factor from here to 1.", min=0.1)] = 0.6
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Compute in bfloat16 where that is safe.")] = False
    recompute: Annotated[bool, typer.Option("--recompute", help="Less memory, for a third more time.")] = False
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints and judgements.", min=1)] = 500
    loaders: Annotated[int, typer.Option(help="Threads that read pictures ahead.", min=1)] = 2
    seed: Annotated[int, typer.Option(help="Decides what is drawn and dropped.", min=0, max=MOST_SEED)] = 0
    offline: Annotated[bool, typer.Option("--offline", help="Take published models from the local cache alone.")] = (
        False
    )
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False


@spread_options
def train_detector(
    annotations: Annotated[
        Path, typer.Argument(help="COCO's format (.json), or ODVG's lines (.jsonl).", show_default=False)
    ],
    pictures: Annotated[Path, typer.Argument(help="The folder of the pictures.", show_default=False)],
    options: TrainOptions,
) -> None:
    """Teach a model with labelled pictures.

    Run the same again after an interruption to go on.
    On several GPUs: torchrun --nproc-per-node 4 --no-python groundcast train detector ...
    """
    _check(annotations, options)
    if options.validate is not None:
        check_libraries("faster_coco_eval")
    with busy("loading PyTorch"):
        import torch

        from ..model.checkpoint import find_checkpoint
        from ..model.training.finetune import finetune
        from ..model.training.trainer import ResumeError

    recipe, device = _recipe(options), _device(options.device)
    with busy(f"reading {annotations}"):
        data, held_out = _data(annotations, pictures, options), _held_out(pictures, options)
    say_turned(data.turned, annotations)
    torch.manual_seed(options.seed)  # what is not taken from a file is drawn
    with busy("loading the weights to begin with"):
        path = None if options.from_nothing else find_checkpoint(options.model, offline=options.offline)
        first = _first(path, data, held_out, options)
    make_writable(options.folder)
    with TrainingProgress(options.steps) as shown, _this_worker() as worker, running(ResumeError):

        def on_figures(step: int, figures: Mapping[str, float]) -> None:
            shown.say(f"step {step}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items()))

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
            on_figures=on_figures,
        )
    if worker.rank == 0:
        _finish(options)


def _check(annotations: Path, options: TrainOptions) -> None:
    """Refuse options that would do nothing."""
    if options.label_map is not None and not _is_odvg(annotations):
        raise InputError(
            f"--label-map is for lines of ODVG (.jsonl), {annotations} names its labels itself: leave it away"
        )
    if options.words is not None and _is_odvg(annotations):
        raise InputError("--words are for COCO's format: lines of ODVG state the wordings themselves")
    if options.validate_pictures is not None and options.validate is None:
        raise InputError("--validate-pictures are judged by nothing: name their annotations with --validate")


def _is_odvg(annotations: Path) -> bool:
    return annotations.suffix == ".jsonl"


def _recipe(options: TrainOptions) -> Recipe:
    from ..model.training.denoising import NoiseOptions
    from ..model.training.finetune import PARTS, Recipe
    from ..model.training.picture_batches import PictureOptions
    from ..model.training.trainer import TrainingOptions

    only = tuple(part.strip() for part in options.only.split(",") if part.strip())
    unknown = [part for part in only if part not in PARTS]
    if unknown:
        raise InputError(f"--only {unknown[0]!r} is unknown: write {', '.join(PARTS)}")
    if options.mean_decay >= 1 or options.smallest > 1:
        raise InputError("--mean-decay must lie below 1, and --smallest in 0.1..1")
    return Recipe(
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
    )


def _data(annotations: Path, pictures: Path, options: TrainOptions) -> LabelledData:
    from ..model.training.class_words import ClassWords, read_class_words
    from ..model.training.coco_data import read_coco
    from ..model.training.labelled import labelled_coco
    from ..model.training.odvg_data import read_odvg

    if _is_odvg(annotations):
        return read_odvg(annotations, pictures, options.label_map, keep_odd_boxes=options.keep_odd_boxes)
    words = ClassWords() if options.words is None else read_class_words(options.words)
    data = read_coco(annotations, pictures, lvis=options.lvis, keep_odd_boxes=options.keep_odd_boxes)
    return labelled_coco(data, words)


def _held_out(pictures: Path, options: TrainOptions) -> HeldOut | None:
    from ..model.training.coco_data import read_coco
    from ..model.training.validation import HeldOut

    if options.validate is None:
        return None
    folder = options.validate_pictures or pictures
    return HeldOut(
        read_coco(options.validate, folder, lvis=options.lvis, keep_odd_boxes=options.keep_odd_boxes),
        chunk=40 if options.lvis else 80,
        batch=options.batch,
    )


def _first(path: Path | None, data: LabelledData, held_out: HeldOut | None, options: TrainOptions) -> Checkpoint:
    """What training begins with; what is judged must be known too, and short enough to be read."""
    from ..model.tokenizer import Tokenizer
    from ..model.training.coco_eval import prompts_of
    from ..model.training.first_weights import edge_from_nothing, first_weights
    from ..model.training.labelled import Wordings

    wordings = Wordings()
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
    from ..model.training.workers import Worker, launched_worker

    if "RANK" not in os.environ:
        yield Worker()
        return
    with launched_worker() as worker:
        yield worker


def _device(name: str) -> str:
    from ..model.device import named_device

    device = str(named_device(name))
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device


def _finish(options: TrainOptions) -> None:
    from ..model.training.validation import BEST, LAST, history

    best, judged = options.folder / BEST, history(options.folder)
    top = max(judged.items(), key=lambda point: point[1]) if judged else None
    if options.as_json:
        result = {"weights": str(best), "last": str(options.folder / LAST), "steps": options.steps}
        print(json.dumps(result if top is None else {**result, "best_step": top[0], "AP": round(top[1], 4)}))
    else:
        print(f"weights: {best}" + ("" if top is None else f" (AP {top[1]:.4f} at step {top[0]})"))
