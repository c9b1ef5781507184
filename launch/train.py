"""`groundcast train tabletop`: the embedded model, from scenes to weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from ..model.training.trainer import Progress


def train_tabletop(
    folder: Annotated[Path, typer.Option(help="Checkpoints, the curve and the weights go here.")] = Path(
        "runs/tabletop/model"
    ),
    scenes: Annotated[Path, typer.Option(help="Rendered training scenes; missing ones are rendered.")] = Path(
        "runs/tabletop/train"
    ),
    count: Annotated[int, typer.Option(help="How many scenes to render.", min=1)] = 20_000,
    steps: Annotated[int, typer.Option(help="Optimiser steps.", min=1)] = 6000,
    workers: Annotated[int, typer.Option(help="Processes that share their gradients.", min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Decides first weights and batches.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Train the embedded model from scratch; run again after an interruption to go on."""
    from ..model.tabletop.dataset import build
    from ..model.training.tabletop import Recipe, train_recipe

    build(scenes, count, "train", processes=workers)
    recipe = Recipe(scenes, folder, steps=steps, workers=workers, seed=seed)
    train_recipe(recipe, _Curve(steps))
    weights = folder / "tabletop.safetensors"
    if as_json:
        print(json.dumps({"weights": str(weights), "steps": steps, "seed": seed}))
    else:
        typer.echo(f"weights: {weights}")


class _Curve:
    """Shows progress in the worker that reports it: a bar on a terminal, lines elsewhere."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __call__(self, progress: Progress) -> None:
        facts = f"loss {progress.loss:.2f}, {progress.seconds_per_step:.2f} s a step"
        if not sys.stderr.isatty():
            left_min = (self._steps - progress.step) * progress.seconds_per_step / 60
            typer.echo(f"step {progress.step}/{self._steps}: {facts}, {left_min:.0f} min left", err=True)
            return
        if self._bar is None or self._task is None:  # not in __init__: a bar does not travel between processes
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(facts, total=self._steps)
            self._bar.start()
        self._bar.update(self._task, completed=progress.step, description=facts)
        if progress.step == self._steps:
            self._bar.stop()
