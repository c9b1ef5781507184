"""`groundcast eval coco` and `groundcast eval lvis`: average precision on pictures in COCO's format."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ..report.run_report import show_classes, write_eval_report
from ..settings.command_options import spread_options
from ..show.progress import saying_records
from .options import AnnotationsArgument, ChunkOption, CocoOptions, PicturesArgument
from .run import EvalRun, check_libraries, finish, measuring, open_run

if TYPE_CHECKING:
    from ...model.datasets.coco_data import CocoData
    from ...model.evaluation.coco_eval import Judged
    from ...model.evaluation.coco_judge import Measure


@dataclass(frozen=True, slots=True)
class SetOptions(CocoOptions):
    """The same, and figures of a part of the data."""

    leave_out: Annotated[
        str,
        typer.Option(help="Also report figures without these sets, separated by commas; images name theirs in 'set'."),
    ] = ""

    known_only: Annotated[
        bool, typer.Option("--known-only", help="Leave out the categories that the model has no words for.")
    ] = False

    @property
    def sets_left_out(self) -> list[str]:
        return [name.strip() for name in self.leave_out.split(",") if name.strip()]


@dataclass(frozen=True, slots=True)
class LvisOptions(SetOptions):
    """The same with smaller chunks, as MM-Grounding-DINO asks for LVIS's 1,203 categories."""

    chunk: ChunkOption = 40


@spread_options
def eval_coco(annotations: AnnotationsArgument, pictures: PicturesArgument, options: SetOptions) -> None:
    """Measure COCO's average precision.

    Of federated data, whose images say `exhaustive_for`, LVIS's fixed AP: a box of a category that a picture does not
    state is neither right nor wrong. Run the same again after an interruption to go on.
    """
    check_libraries("faster_coco_eval", "matplotlib")
    from ...model.datasets.coco_data import read_coco
    from ...model.evaluation.coco_judge import measure_of

    data = read_coco(
        annotations,
        pictures,
        limit=options.limit,
        keep_odd_boxes=options.keep_odd_boxes,
        on_records=saying_records(annotations),
    )
    _evaluate("coco", data, options, measure_of(data))


@spread_options
def eval_lvis(annotations: AnnotationsArgument, pictures: PicturesArgument, options: LvisOptions) -> None:
    """Measure LVIS's fixed AP: 10,000 boxes a category.

    Run the same again after an interruption to go on. Raise --boxes to compare with figures that keep 300 boxes of each
    chunk: what a picture keeps decides how much of the rare categories is left.
    """
    check_libraries("faster_coco_eval", "matplotlib")
    from ...model.datasets.coco_data import read_coco
    from ...model.evaluation.coco_judge import LVIS

    data = read_coco(
        annotations,
        pictures,
        limit=options.limit,
        lvis=True,
        keep_odd_boxes=options.keep_odd_boxes,
        on_records=saying_records(annotations),
    )
    _evaluate("lvis", data, options, LVIS)


def evaluate_set(run: EvalRun, data: CocoData, options: CocoOptions, measure: Measure) -> Judged:
    """One data set, whose prompts the model can answer.

    Args:
        run: with a folder for this set alone.
        data: the set.
        options: as given.
        measure: how it is judged.

    Raises:
        StoreError: the folder holds another run.
        RunError: something went wrong while detecting.
    """
    from ...model.datasets.coco_data import WORDING_RULE
    from ...model.evaluation.coco_eval import Judged, evaluate_coco
    from ...model.evaluation.coco_judge import library

    rules = {"chunk": options.chunk, "boxes_per_picture": options.boxes, "prompt_wording": WORDING_RULE}
    with measuring(run, data.source, rules) as current:
        choices = {
            **current.choices,
            "categories": len(data.categories),
            "federated": data.is_federated,
            **measure.choices,
            "ap_library": library(),
            "object_area": "as annotated, else of the box",
        }
        result = evaluate_coco(
            run.detector,
            data,
            current.store,
            measure.judge,
            choices,
            chunk=options.chunk,
            boxes=options.boxes,
            batch=options.batch,
            on_progress=current.advance,
        )
        return Judged(data, dict(current.store.found), result)


def _evaluate(task: str, data: CocoData, options: SetOptions, measure: Measure) -> None:
    from ...model.datasets.coco_parts import with_categories, without_sets
    from ...model.evaluation.coco_eval import can_answer, check_prompts, prompts_of

    left_out = options.sets_left_out
    with open_run(task, options, data.source.path) as run:
        every = data.categories
        if options.known_only:
            data = with_categories(data, lambda wording: can_answer(run.detector, wording))
            typer.echo(f"{len(data.categories)} of {len(every)} categories are known to the model", err=True)
        rest = without_sets(data, left_out) if left_out else None
        check_prompts(run.detector, prompts_of(data.categories, options.chunk))
        judged = evaluate_set(run, data, options, measure)
    rows, result = {data.source.path.stem: judged.result.figures}, judged.result.as_dict()
    if rest is not None:
        figures = measure.judge(rest, judged.detections).figures
        rows[f"without {', '.join(left_out)}"] = figures
        rounded = {name: round(value, 4) for name, value in figures.items()}
        counts = {"pictures": len(rest.pictures), "instances": rest.instances}
        result["without"] = {"sets": left_out, **rounded, **counts}
    unknown = [one.name for one in every if one not in data.categories]
    if unknown:
        result["unknown_categories"] = unknown
    title = f"{run.detector.info.name} on {data.source.path.name}"
    write_eval_report(run.folder, title, judged, rows)
    if sys.stdout.isatty() or not options.as_json:
        show_classes(run.folder)
    finish(run, result, rows)
