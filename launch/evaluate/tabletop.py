"""`groundcast eval tabletop`: average precision on held-out scenes, with the interval that chance leaves."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..exits import running, writing
from ..show.progress import busy, progress
from .options import DtypeOption
from .run import check_libraries

if TYPE_CHECKING:
    from ...model.evaluation.shift_recall import ShiftResult
    from ...model.evaluation.tabletop_eval import EvalResult

_SCENES = 1_000


def eval_tabletop(
    model: Annotated[str, typer.Option(help="A name, or a path to weights.")] = "tabletop",
    scenes: Annotated[
        Path | None, typer.Option(help="The rendered scenes; missing ones are rendered. Default: the user's cache.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Use only the first scenes.", min=1, max=_SCENES)] = _SCENES,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    dtype: DtypeOption = "auto",
    shifts: Annotated[
        bool, typer.Option("--shifts", help="Also measure recall in the dark, far away and beside unknown shapes.")
    ] = False,
    processes: Annotated[int, typer.Option(help="Processes that render missing scenes.", min=1)] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Measure average precision on 1,000 held-out rendered scenes."""
    check_libraries("faster_coco_eval", "mujoco")
    from ...model.detector import Detector, DetectorOptions
    from ...model.evaluation.shift_recall import recall_under_shifts
    from ...model.evaluation.tabletop_eval import evaluate_tabletop
    from ...model.tabletop.dataset import build

    with busy(f"loading {model}"):
        loaded = Detector.load(model, DetectorOptions(device=device, dtype=dtype, nms_iou=None, one_phrase=False))
    with loaded as detector:
        folder = scenes or _cache() / "tabletop-eval"
        with writing(folder, "folder"):
            shard = build(folder, limit, "eval", processes=processes)[0]
        with running(), progress("detecting") as advance:
            result = evaluate_tabletop(detector, shard, on_progress=advance)
        recalls: dict[str, ShiftResult] = {}
        if shifts:
            with running(), progress("detecting what is shown otherwise") as advance:
                recalls = recall_under_shifts(detector, shard, on_progress=advance)
    if sys.stdout.isatty() or not as_json:
        _show(result)
        _show_shifts(recalls)
    if as_json:
        choices = {
            "nms_iou": detector.options.nms_iou,
            "one_phrase": detector.options.one_phrase,
            "score_rule": detector.options.score_rule,
        }
        shifted = {"shifts": {name: one.as_dict() for name, one in recalls.items()}} if shifts else {}
        print(json.dumps({**result.as_dict(), **choices, **shifted}))


def _cache() -> Path:
    """Where rendered scenes are kept, as other programs keep what can be made anew."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundcast"


def _show(result: EvalResult) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result.model.name}: {result.scenes} held-out scenes, {result.instances} objects that count")
    for heading in ("figure", "value", "95 %"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, (low, high) in result.intervals.items():
        table.add_row(name, f"{result.figures[name]:.3f}", f"{low:.3f} .. {high:.3f}")
    Console().print(table)
    weakest = sorted(result.phrases.items(), key=lambda item: item[1])[:5]
    print("weakest phrases (AP50): " + ", ".join(f"{name} {value:.2f}" for name, value in weakest))


def _show_shifts(recalls: dict[str, ShiftResult]) -> None:
    for name, one in recalls.items():
        taken = (
            "" if one.taken is None else f"; {one.taken:.2f} of {one.unknown_shapes} unknown shapes taken for a phrase"
        )
        print(f"recall {name}: {one.recall:.3f} of {one.objects} objects{taken}")
