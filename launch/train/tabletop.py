"""`groundcast train tabletop`: the embedded model, from scenes to weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..exits import make_writable, running, writing
from ..settings.command_options import MAX_SEED
from .progress import TrainingProgress


def train_tabletop(
    folder: Annotated[Path, typer.Option(help="Folder of checkpoints, curve and weights.")] = Path(
        "runs/tabletop/model"
    ),
    scenes: Annotated[Path, typer.Option(help="Rendered training scenes; missing ones are rendered.")] = Path(
        "runs/tabletop/train"
    ),
    count: Annotated[int, typer.Option(help="How many scenes to render.", min=1)] = 20_000,
    steps: Annotated[int, typer.Option(help="Optimiser steps, after the backbone's own on crops.", min=1)] = 6000,
    workers: Annotated[int, typer.Option(help="Processes that share their gradients.", min=1)] = 2,
    first: Annotated[Path | None, typer.Option(help="Start from these weights instead of random ones.")] = None,
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="Compute in bfloat16 where that is safe.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the first weights and the batches.", min=0, max=MAX_SEED)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Train the embedded model.

    Run the same again after an interruption to go on.
    """
    from ...model.tabletop.dataset import build
    from ...model.training.tabletop import TabletopRecipe, train_recipe
    from ...model.training.trainer import ResumeError
    from ...model.weights.checkpoint import find_checkpoint, read_checkpoint

    make_writable(folder)  # before the scenes are rendered, which takes minutes
    if first is not None:
        read_checkpoint(find_checkpoint(str(first)))
    with writing(scenes, "folder"):
        build(scenes, count, "train", processes=workers)
    recipe = TabletopRecipe(scenes, folder, first, steps=steps, workers=workers, bfloat16=bfloat16, seed=seed)
    with TrainingProgress(recipe.steps_before + steps) as shown, running(ResumeError):
        train_recipe(recipe, shown)
    weights = folder / "tabletop.safetensors"
    if as_json:
        print(json.dumps({"weights": str(weights), "steps": steps, "seed": seed}))
    else:
        typer.echo(f"weights: {weights}")
