"""`groundcast eval masks`: masks of held-out scenes, within the detector's own boxes, against exact ones."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from ..exits import running
from ..show.progress import busy, progress
from .run import check_libraries


def eval_masks(
    masker: Annotated[str, typer.Option(help="tabletop, or a SAM's folder or name on the hub.")] = "tabletop",
    model: Annotated[str, typer.Option(help="The detector: a name, or a path to weights.")] = "tabletop",
    scenes: Annotated[int, typer.Option(help="How many held-out scenes to render.", min=1, max=1000)] = 500,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    processes: Annotated[int, typer.Option(help="Processes that render.", min=1)] = 1,
    offline: Annotated[bool, typer.Option("--offline", help="Use only the local cache of published models.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    """Measure masks on held-out rendered scenes: IoU and boundaries of the objects that the detector finds."""
    check_libraries("mujoco", "pycocotools")
    from ...model.detector import Detector, DetectorOptions
    from ...model.evaluation.mask_eval import evaluate_masks, mask_scenes
    from ...model.masks.load import load_masker

    with busy(f"loading {masker} for masks"):
        loaded = load_masker(masker, device, offline=offline)
    with (
        Detector.load(model, DetectorOptions(device=device, offline=offline)) as detector,
        running(),
        progress("rendering, detecting") as advance,
    ):
        result = evaluate_masks(detector, loaded, mask_scenes(0, scenes, processes), lambda done: advance(done, scenes))
    if as_json:
        print(json.dumps({**result.as_dict(), "masker": loaded.name, "model": detector.info.name}))
    if sys.stdout.isatty() or not as_json:
        typer.echo(f"{loaded.name}: {result.scenes} scenes, {result.matched} of {result.objects} objects were found")
        for name, value in (
            ("IoU of masks", "iou"),
            ("boundary F (0.8 % of the diagonal)", "boundary_f"),
            ("boundary F (2 px)", "boundary_f_2px"),
            ("IoU of their boxes", "box_iou"),
        ):
            low, high = result.intervals[value]
            typer.echo(f"  {name:36} {getattr(result, value):.3f}  ({low:.3f} .. {high:.3f})")
        typer.echo(f"  without a mask: {result.without_mask}; {result.mask_ms:.1f} ms a picture for masks")
