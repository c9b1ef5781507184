"""`groundcast train masker`: the embedded masker, from scenes to weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..exits import make_writable, running, writing
from ..settings.command_options import MAX_SEED
from ..show.progress import progress
from .progress import TrainingProgress


def train_masker(
    folder: Annotated[Path, typer.Option(help="Folder of checkpoints, curve and weights.")] = Path(
        "runs/tabletop/masker"
    ),
    crops: Annotated[Path, typer.Option(help="Folder of rendered objects; missing ones are rendered.")] = Path(
        "runs/tabletop/crops"
    ),
    scenes: Annotated[int, typer.Option(help="How many scenes to render, of about eight objects.", min=1)] = 2000,
    steps: Annotated[int, typer.Option(help="Optimiser steps of 48 objects.", min=1)] = 1500,
    processes: Annotated[int, typer.Option(help="Processes that render missing scenes.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the first weights and the batches.", min=0, max=MAX_SEED)] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Train the embedded masker on rendered objects with their exact masks.

    Run the same again after an interruption to go on.
    """
    from ...model.tabletop.mask_crops import build_crops
    from ...model.training.mask_head import MaskRecipe
    from ...model.training.mask_head import train_masker as train
    from ...model.training.trainer import ResumeError

    make_writable(folder)  # before the scenes are rendered, which takes minutes
    with writing(crops, "folder"), progress("rendering") as advance:
        objects = build_crops(crops, scenes, processes, advance)
    recipe = MaskRecipe(crops, folder, steps=steps, seed=seed)
    with TrainingProgress(steps) as shown, running(ResumeError):
        weights = train(recipe, objects, shown)
    if as_json:
        print(json.dumps({"weights": str(weights), "steps": steps, "seed": seed, "objects": len(objects.pictures)}))
    else:
        typer.echo(f"weights: {weights}")
