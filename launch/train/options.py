"""What `groundcast train detector` is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from ..settings.command_options import MAX_SEED


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
    mix: Annotated[
        list[str],
        typer.Option(
            help="Learn from other data too, as SHARE,ANNOTATIONS,PICTURES or SHARE,tabletop; 0.3 is its part.",
            show_default=False,
        ),
    ] = field(default_factory=list[str])
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
    mirror: Annotated[bool, typer.Option(help="Mirror half of the pictures; 'left' then becomes 'right'.")] = True
    size: Annotated[
        int | None, typer.Option(help="The network's input: its short side for a 4:3 picture, px.", min=32, max=4096)
    ] = None
    smallest: Annotated[float, typer.Option(help="Pictures are scaled by a factor from here to 1.", min=0.1)] = 0.6
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Compute in bfloat16 where that is safe.")] = False
    recompute: Annotated[bool, typer.Option("--recompute", help="Less memory, for a third more time.")] = False
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints and judgements.", min=1)] = 500
    loaders: Annotated[int, typer.Option(help="Threads that read pictures ahead.", min=1)] = 2
    seed: Annotated[int, typer.Option(help="Decides what is drawn and dropped.", min=0, max=MAX_SEED)] = 0
    offline: Annotated[bool, typer.Option("--offline", help="Take published models from the local cache alone.")] = (
        False
    )
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False
