"""`groundcast eval odinw`: average precision on many small data sets, and its mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated

import typer

from ..exits import InputError
from ..report.run_report import write_eval_report
from ..settings.command_options import spread_options
from .coco import evaluate_set
from .options import CocoOptions
from .run import check_libraries, finish, open_run

if TYPE_CHECKING:
    from ...model.evaluation.coco_eval import CocoResult

# Where a set has several of these, the first: what was cleaned comes before what was exported.
_FILES = ("annotations_without_background.json", "_annotations.coco.json", "annotations*.json")
_AVERAGED = ("AP", "AP50", "AP75")


@dataclass(frozen=True, slots=True)
class OdinwOptions(CocoOptions):
    """The same, and which part of each set."""

    split: Annotated[str, typer.Option(help="The split of each set; sets without it use 'valid'.")] = "test"


@spread_options
def eval_odinw(
    sets: Annotated[Path, typer.Argument(help="A folder with a folder for each data set.", show_default=False)],
    options: OdinwOptions,
) -> None:
    """Measure average precision on each data set in a folder.

    And its mean, as in Object Detection in the Wild.
    """
    if options.split in ("", ".", "..") or set(options.split) & {"/", "*"}:
        raise InputError(f"--split {options.split!r} is no folder's name: write that of a part, such as test or valid")
    check_libraries("faster_coco_eval", "matplotlib")
    from ...model.datasets.coco_data import read_coco
    from ...model.evaluation.coco_eval import check_prompts, prompts_of
    from ...model.evaluation.coco_judge import measure_of

    data = {
        name: read_coco(file, file.parent, limit=options.limit, keep_odd_boxes=options.keep_odd_boxes)
        for name, file in _sets(sets, options.split).items()
    }
    with open_run("odinw", options, sets) as run:
        for one in data.values():
            check_prompts(run.detector, prompts_of(one.categories, options.chunk))
        results: dict[str, CocoResult] = {}
        for name, one in data.items():
            own = replace(run, folder=run.folder / name)
            judged = evaluate_set(own, one, options, measure_of(one))
            results[name] = judged.result
            write_eval_report(own.folder, f"{run.detector.info.name} on {name}", judged, {name: judged.result.figures})
    average = {figure: mean(one.figures[figure] for one in results.values()) for figure in _AVERAGED}
    whole = {
        **{figure: round(value, 4) for figure, value in average.items()},
        "average": "mean over the sets",
        "split": options.split,
        "sets": {name: one.as_dict() for name, one in results.items()},
    }
    rows = {**{name: one.figures for name, one in results.items()}, "mean": average}
    finish(run, whole, rows)


def _sets(folder: Path, split: str) -> dict[str, Path]:
    """The annotations of each set, by its folder's name."""
    if not folder.is_dir():
        raise InputError(f"folder {folder} does not exist: name the one that holds the data sets' folders")
    sets = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not sets:
        raise InputError(f"folder {folder} holds no folders of data sets: name the one above them")
    return {one.name: _annotations(one, split) for one in sets}


def _annotations(one: Path, split: str) -> Path:
    """A set's annotations lie in its folder, or in one named as the split, however deep; else in one named 'valid'."""
    for places in ([one], _named(one, split), _named(one, "valid")):
        found = [file for place in places if (file := _file_in(place)) is not None]
        if len(found) > 1:
            raise InputError(f"data set {one} has several annotations ({found[0]}, {found[1]}): keep one of them")
        if found:
            return found[0]
    raise InputError(f"data set {one} has no {' or '.join(_FILES)}, neither there nor in a folder {split!r} or 'valid'")


def _named(one: Path, split: str) -> list[Path]:
    return sorted(path for path in one.rglob(split) if path.is_dir())


def _file_in(place: Path) -> Path | None:
    for pattern in _FILES:
        found = sorted(place.glob(pattern))
        if len(found) > 1:
            raise InputError(f"{place} has several annotations ({found[0].name}, {found[1].name}): keep one of them")
        if found:
            return found[0]
    return None
