"""Options of `groundcast train detector`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from ..settings.command_options import MAX_SEED


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """The options of a training."""

    model: Annotated[str, typer.Option(help="The model to start from: a name, or a path to weights.")] = "tabletop"
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="Start an Edge model from random weights instead.")
    ] = False
    folder: Annotated[Path, typer.Option(help="Folder of checkpoints, curve and weights; the same folder resumes.")] = (
        Path("runs/detector")
    )
    label_map: Annotated[Path | None, typer.Option(help="Names of the labels, for ODVG data.")] = None
    mix: Annotated[
        list[str],
        typer.Option(
            help="Also train on other data: SHARE,ANNOTATIONS,PICTURES or SHARE,tabletop, with a SHARE such as 0.3.",
            show_default=False,
        ),
    ] = field(default_factory=list[str])
    words: Annotated[
        Path | None,
        typer.Option(help="A vocabulary (JSON): synonyms of classes, and classes that may apply to one object."),
    ] = None
    lvis: Annotated[bool, typer.Option("--lvis", help="Data in LVIS's format: not all categories are annotated.")] = (
        False
    )
    validate: Annotated[
        Path | None, typer.Option(help="COCO annotations to validate on; keeps the weights of the best AP.")
    ] = None
    validate_pictures: Annotated[
        Path | None, typer.Option(help="Pictures of --validate. Default: those of the training.")
    ] = None
    keep_odd_boxes: Annotated[
        bool,
        typer.Option(
            "--keep-odd-boxes", help="Cut boxes to their picture and drop those of no area; else they are refused."
        ),
    ] = False
    crop_steps: Annotated[
        int,
        typer.Option(
            help="Steps of a stage before: the backbone learns to tell crops of the objects apart; 0: none.", min=0
        ),
    ] = 0
    crop_batch: Annotated[int, typer.Option(help="Crops in a step of that stage, of each process.", min=2)] = 128
    crop_rate: Annotated[float, typer.Option(help="Its peak learning rate.", min=0.0, max=1.0)] = 1.3e-3
    crop_memory: Annotated[
        int, typer.Option(help="Memory for crops in each process, MB; of more objects some are drawn.", min=1)
    ] = 2000
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = 5000
    batch: Annotated[int, typer.Option(help="Pictures in one batch of each process.", min=1)] = 4
    accumulate: Annotated[int, typer.Option(help="Batches accumulated per step.", min=1)] = 1
    learning_rate: Annotated[float, typer.Option(help="The peak learning rate.", min=0.0, max=1.0)] = 1e-4
    backbone_rate: Annotated[
        float, typer.Option(help="The backbone's rate relative to that; 0 freezes it.", min=0.0)
    ] = 0.1
    text_rate: Annotated[float, typer.Option(help="BERT's rate relative to that; 0 freezes it.", min=0.0)] = 0.1
    only: Annotated[
        str,
        typer.Option(
            help="Parts that are trained, separated by commas: backbone, language, fusion, decoder. Default: all."
        ),
    ] = ""
    weight_decay: Annotated[float, typer.Option(help="Weight decay of matrices only.", min=0.0)] = 1e-4
    clip: Annotated[float, typer.Option(help="Clip gradients to this norm; 0: never.", min=0.0)] = 0.1
    mean_decay: Annotated[
        float, typer.Option(help="Decay per step of the weights' moving average; 0: none.", min=0.0)
    ] = 0.999
    negatives: Annotated[int, typer.Option(help="Maximum negative phrases per picture.", min=0)] = 80
    contrasts: Annotated[
        int,
        typer.Option(help="Maximum phrases per picture that it has no labels for; negative on labelled boxes.", min=0),
    ] = 0
    balance: Annotated[
        float,
        typer.Option(help="Repeat classes in less than this fraction of the pictures; 0: none.", min=0.0, max=1.0),
    ] = 0.0
    zoom: Annotated[
        float, typer.Option(help="Crop half of the pictures, down to 1 / this of a side; 1: none.", min=1.0)
    ] = 1.0
    colours: Annotated[bool, typer.Option("--colours", help="Vary light, colour, sharpness and compression.")] = False
    mosaic: Annotated[float, typer.Option(help="Fraction of mosaics of four pictures.", min=0.0, max=1.0)] = 0.0
    paste: Annotated[
        float, typer.Option(help="Fraction of pictures with an object pasted from another.", min=0.0, max=1.0)
    ] = 0.0
    dense: Annotated[
        float,
        typer.Option(help="Weight of the auxiliary loss on places inside boxes; 0: none.", min=0.0),
    ] = 0.0
    noised: Annotated[int, typer.Option(help="Denoising queries per picture; 0: none.", min=0, max=1000)] = 100
    mirror: Annotated[bool, typer.Option(help="Mirror half of the pictures; 'left' then becomes 'right'.")] = True
    size: Annotated[
        int | None, typer.Option(help="Short side of the network's input for a 4:3 picture, px.", min=32, max=4096)
    ] = None
    smallest: Annotated[float, typer.Option(help="Scale pictures by a random factor from this to 1.", min=0.1)] = 0.6
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Compute in bfloat16 where that is safe.")] = False
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Recompute activations: less memory, a third more time.")
    ] = False
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints and validations.", min=1)] = 500
    loaders: Annotated[int, typer.Option(help="Threads that read pictures ahead.", min=1)] = 2
    seed: Annotated[int, typer.Option(help="Seed of all random choices.", min=0, max=MAX_SEED)] = 0
    offline: Annotated[bool, typer.Option("--offline", help="Take published models only from the local cache.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False
