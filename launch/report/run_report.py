"""The report of a training or an evaluation: plots, sample sheets, figures of each class, and one page with all."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..exits import writing
from ..printable import printable
from .page import ReportPage, write_page
from .plots import plot_confusion, plot_crops, plot_curve, plot_precision, read_points
from .sample_sheets import write_samples

if TYPE_CHECKING:
    from ...model.evaluation.coco_eval import Judged

CLASSES, PAGE = "classes.csv", "report.html"
_CURVE, _PRECISION, _CONFUSION = "curve.png", "pr.png", "confusion.png"
_CROPS = "curve_crops.png"

_MAX_SHOWN = 200  # classes, in a terminal

Rows = Mapping[str, Mapping[str, float]]


def write_training_report(folder: Path, judged: Judged | None = None) -> None:
    """Bring the report of a training up to date.

    Args:
        folder: of the training, with its curve and figures.
        judged: the best weights, judged anew; None leaves what was written of earlier ones.
    """
    from ...model.pretraining.pretrain import FOLDER
    from ...model.training.trainer import CURVE
    from ...model.training.validation import BEST, FIGURES

    with writing(folder, "folder"):
        best = (folder / BEST).with_suffix(".json")
        crops = _write_crops(folder, folder / FOLDER / CURVE, folder / FOLDER / FIGURES)
        _write_training(folder, judged, folder / CURVE, folder / FIGURES, best, crops)


def write_eval_report(folder: Path, title: str, judged: Judged, rows: Rows) -> None:
    """The report of an evaluation.

    Args:
        folder: of the evaluation.
        title: of the page.
        judged: the data set and what was found in it.
        rows: the figures, by row and column.
    """
    with writing(folder, "folder"):
        _write_judged(folder, judged)
        _write_page(folder, title, rows, judged.result.choices)


def show_classes(folder: Path) -> None:
    """Print the figures of each class as a table, where a report in the folder has them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    first, *rows = _read_classes(folder) or [[]]
    if rows:
        table = Table()
        for name in first:
            table.add_column(name, justify="left" if name == first[0] else "right")
        for row in rows[:_MAX_SHOWN]:
            table.add_row(*(Text(printable(cell)) for cell in row))  # what looks like markup is none
        Console().print(table)
        if len(rows) > _MAX_SHOWN:
            print(f"{len(rows) - _MAX_SHOWN} classes with fewer objects are in {folder / CLASSES}")


def _write_crops(folder: Path, curve: Path, validation: Path) -> Rows:
    """Plot the stage on crops, where there was one; returns its last figures."""
    losses, figures = read_points(curve), read_points(validation)
    if losses:
        plot_crops(losses, figures, folder / _CROPS)
    return {f"crops, step {one['step']}": {k: v for k, v in one.items() if k != "step"} for one in figures[-1:]}


def _write_training(
    folder: Path, judged: Judged | None, curve: Path, validation: Path, described: Path, crops: Rows
) -> None:
    losses, figures = read_points(curve), read_points(validation)
    if losses:
        plot_curve(losses, figures, folder / _CURVE)
    if judged is not None:
        _write_judged(folder, judged)
    best = max(figures, key=lambda point: point["AP"], default=None)
    rows = {} if best is None else {f"step {best['step']}": {k: v for k, v in best.items() if k != "step"}}
    _write_page(folder, f"Training {folder.resolve().name}", {**crops, **rows}, _made_from(described))


def _made_from(described: Path) -> dict[str, object]:
    """What the best weights say about how they were made."""
    facts: dict[str, Any] = json.loads(described.read_text(encoding="utf-8")) if described.is_file() else {}
    made = {name: facts[name] for name in ("step", "began_with", "learnt_from") if name in facts}
    return {**made, **facts.get("recipe", {})}


def _write_judged(folder: Path, judged: Judged) -> None:
    from ...model.evaluation.class_figures import CLASS_COLUMNS, class_figures
    from ...model.evaluation.confusion import best_score, confusion

    judgement = judged.result.judgement
    classes = [] if judgement is None else class_figures(judged.data, judgement)
    score = best_score(judged.data, judged.detections)
    if classes:
        plot_precision(classes, folder / _PRECISION)
    plot_confusion(confusion(judged.data, judged.detections, score), folder / _CONFUSION)
    write_samples(judged.data, judged.detections, score, folder)
    with (folder / CLASSES).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([CLASS_COLUMNS, *(one.row for one in classes)])


def _write_page(folder: Path, title: str, rows: Rows, facts: Mapping[str, object]) -> None:
    figures: dict[str, Sequence[Sequence[object]]] = {}
    if rows:
        columns = list(dict.fromkeys(name for own in rows.values() for name in own))
        figures["Figures"] = [["", *columns], *([row, *(own.get(c, "") for c in columns)] for row, own in rows.items())]
    if classes := _read_classes(folder):
        figures["Classes"] = classes
    files = {
        "Curve of the crops before": [folder / _CROPS],
        "Curve": [folder / _CURVE],
        "Precision and recall": [folder / _PRECISION],
        "What objects were taken for": [folder / _CONFUSION],
        "Labels beside what was found": sorted(folder.glob("samples_?.jpg")),
    }
    pictures = {heading: [one for one in own if one.is_file()] for heading, own in files.items()}
    shown = {heading: own for heading, own in pictures.items() if own}
    write_page(ReportPage(title, figures, shown, facts), folder / PAGE)


def _read_classes(folder: Path) -> list[list[str]]:
    if not (folder / CLASSES).is_file():
        return []
    with (folder / CLASSES).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))
