"""`groundcast eval coco` and `groundcast eval lvis`: average precision on pictures in COCO's format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .command_options import spread_options
from .eval_options import (
    AnnotationsArgument,
    ChunkOption,
    CocoOptions,
    PicturesArgument,
    check_library,
    default_folder,
    finish,
    identity,
    load,
    open_store,
)
from .exits import running
from .progress import progress

if TYPE_CHECKING:
    from ..model.detector import Detector
    from ..model.training.coco_data import CocoData
    from ..model.training.coco_eval import CocoResult


@dataclass(frozen=True, slots=True)
class LvisOptions(CocoOptions):
    """The same with smaller chunks, as MM-Grounding-DINO asks for LVIS's 1,203 categories."""

    chunk: ChunkOption = 40


@spread_options
def eval_coco(annotations: AnnotationsArgument, pictures: PicturesArgument, options: CocoOptions) -> None:
    """Measure COCO's average precision; run again after an interruption to go on."""
    _evaluate("coco", annotations, pictures, options)


@spread_options
def eval_lvis(annotations: AnnotationsArgument, pictures: PicturesArgument, options: LvisOptions) -> None:
    """Measure LVIS's fixed AP (10,000 boxes a category over the whole set); run again to go on.

    Raise --boxes to compare with figures that keep 300 boxes of each chunk: what a picture keeps decides how much of
    the rare categories is left.
    """
    _evaluate("lvis", annotations, pictures, options)


def evaluate_set(
    detector: Detector, data: CocoData, options: CocoOptions, made_by: Mapping[str, object], folder: Path
) -> CocoResult:
    """One data set, whose prompts the model can answer.

    Args:
        detector: as loaded.
        data: the set.
        options: as given.
        made_by: the command's `identity`.
        folder: where what is found is kept.

    Raises:
        StoreError: the folder holds another run.
        RunError: something went wrong while detecting.
    """
    from ..model.training.coco_data import WORDING_RULE
    from ..model.training.coco_eval import evaluate_coco
    from ..model.training.coco_judge import BOXES_PER_CLASS, FIXED_BOXES_PER_CLASS, coco_figures, library, lvis_figures

    lvis = made_by["task"] == "lvis"
    header = {
        **made_by,
        "annotations_sha256": data.sha256,
        "chunk": options.chunk,
        "boxes_per_picture": options.boxes,
        "prompt_wording": WORDING_RULE,
    }
    choices = {
        **header,
        "annotations": str(data.annotations),
        "categories": len(data.categories),
        "ap": "fixed AP (arXiv 2102.01066)" if lvis else "COCO",
        "ap_library": library(),
        "object_area": "as annotated, else of the box",
        "odd_boxes_kept": data.odd_boxes,
        "device": options.device,
        ("boxes_per_category" if lvis else "boxes_per_category_and_picture"): (
            FIXED_BOXES_PER_CLASS if lvis else BOXES_PER_CLASS
        ),
    }
    with open_store(folder, header) as store, running(), progress(f"detecting in {data.annotations.stem}") as advance:
        return evaluate_coco(
            detector,
            data,
            store,
            lvis_figures if lvis else coco_figures,
            choices,
            chunk=options.chunk,
            boxes=options.boxes,
            batch=options.batch,
            on_progress=advance,
        )


def _evaluate(task: str, annotations: Path, pictures: Path, options: CocoOptions) -> None:
    check_library()
    from ..model.training.coco_data import read_coco
    from ..model.training.coco_eval import check_prompts, prompts_of

    data = read_coco(
        annotations, pictures, limit=options.limit, lvis=task == "lvis", keep_odd_boxes=options.keep_odd_boxes
    )
    own = options.folder or default_folder(task, options, annotations)
    with load(options) as detector:
        check_prompts(detector, prompts_of(data.categories, options.chunk))
        result = evaluate_set(detector, data, options, identity(detector, options, task), own)
    finish(result.as_dict(), {annotations.stem: result.figures}, own, as_json=options.as_json)
