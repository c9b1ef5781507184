"""Plots of a training and of an evaluation as PNG files: the curve, precision over recall, confusion of classes."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...model.evaluation.class_figures import ClassFigures
    from ...model.evaluation.confusion import Confusion

_MAX_CURVES = 15
_MAX_CONFUSED = 30
_DPI = 110
_BLUE, _GREY, _ORANGE, _GREEN = "#2864c8", "#9aa0a6", "#d9731a", "#2e9e5b"


def plot_curve(losses: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, float]], path: Path) -> None:
    """Losses by step, and AP where something was judged.

    Args:
        losses: points with `step`, `loss` and `parts`, as the trainer writes them.
        figures: points with `step`, `AP` and `AP50`.
        path: of the PNG.
    """
    figure = _figure(13 if figures else 9, 4)
    axes: list[Axes] = figure.subplots(1, 3 if figures else 2, squeeze=False)[0].tolist()
    steps = [point["step"] for point in losses]
    axes[0].plot(steps, [point["loss"] for point in losses], color=_BLUE)
    _label(axes[0], "loss, all parts", "step", "")
    for name, colour in (("class", _BLUE), ("l1", _ORANGE), ("giou", _GREEN)):
        known = [point for point in losses if name in point["parts"]]
        if known:
            values = [point["parts"][name] for point in known]
            axes[1].plot([point["step"] for point in known], values, color=colour, label=name)
            axes[1].legend(frameon=False)
    _label(axes[1], "loss of the last layer, by part", "step", "")
    if figures:
        judged = [point["step"] for point in figures]
        for name, colour in (("AP", _BLUE), ("AP50", _ORANGE)):
            axes[2].plot(judged, [point[name] for point in figures], "o-", color=colour, label=name, markersize=4)
        axes[2].set_ylim(0, 1.02)
        axes[2].legend(frameon=False, loc="lower right")
        _label(axes[2], "on held-out pictures", "step", "")
    for one in axes[:2]:
        one.set_ylim(bottom=0)
    _save(figure, path)


def plot_crops(losses: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, float]], path: Path) -> None:
    """Losses of a stage on crops by step, and how many crops of held-out pictures are told right.

    Args:
        losses: points with `step`, `loss` and `parts`, as the trainer writes them.
        figures: points with `step`, `top1` and `class_top1`; may be empty.
        path: of the PNG.
    """
    figure = _figure(9 if figures else 5, 4)
    axes: list[Axes] = figure.subplots(1, 2 if figures else 1, squeeze=False)[0].tolist()
    for name, colour in zip(losses[0]["parts"], (_GREEN, _ORANGE, _BLUE, _GREY), strict=False):
        values = [point["parts"][name] for point in losses]
        axes[0].plot([point["step"] for point in losses], values, ".-", color=colour, label=name, markersize=3)
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False)
    _label(axes[0], "loss of each map of the backbone", "crop step", "")
    if figures:
        steps = [point["step"] for point in figures]
        for name, title, colour in (("top1", "all crops", _BLUE), ("class_top1", "mean of classes", _ORANGE)):
            axes[1].plot(steps, [point[name] for point in figures], "o-", color=colour, label=title, markersize=4)
        axes[1].set_ylim(0, 1.02)
        axes[1].legend(frameon=False, loc="lower right")
        _label(axes[1], "top-1 on crops of held-out pictures", "crop step", "")
    _save(figure, path)


def plot_precision(classes: Sequence[ClassFigures], path: Path) -> None:
    """Precision over recall at IoU 0.5: the mean, and the classes with most objects."""
    from matplotlib import colormaps

    figure = _figure(8.5, 5)
    axes: Axes = figure.subplots()
    recalls = np.linspace(0, 1, len(classes[0].precision_R))
    axes.set_prop_cycle(color=colormaps["tab20"](range(20)))
    for one in classes[:_MAX_CURVES]:
        axes.plot(recalls, one.precision_R, linewidth=1.2, label=f"{one.name[:24]} {one.ap50:.2f}")
    mean = np.mean([one.precision_R for one in classes], 0)
    ap50 = float(np.mean([one.ap50 for one in classes]))
    axes.plot(recalls, mean, linewidth=3, color="black", label=f"mean of {len(classes)} classes {ap50:.2f}")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=9, title="AP50")
    shown = "" if len(classes) <= _MAX_CURVES else f" (the {_MAX_CURVES} classes with most objects)"
    _label(axes, f"precision and recall at IoU 0.5{shown}", "recall", "precision")
    _save(figure, path)


def plot_confusion(confusion: Confusion, path: Path) -> None:
    """What objects were taken for, in parts of each row; of many classes those with most objects."""
    counts, nothing = confusion.counts, len(confusion.names)
    ranked = np.argsort(-counts[:nothing].sum(1), kind="stable")[:_MAX_CONFUSED]
    rows = [*(int(row) for row in ranked if counts[row].any()), nothing]
    table = counts[np.ix_(rows, rows)]
    shares = table / np.maximum(counts[rows].sum(1, keepdims=True), 1)
    side = max(4.5, 0.36 * len(rows) + 2.5)
    figure = _figure(side + 1, side)
    axes: Axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.7, label="part of the row")
    names = [confusion.names[row][:24] for row in rows[:-1]]
    axes.set_xticks(range(len(rows)), [*names, "no box"], rotation=90, fontsize=8)
    axes.set_yticks(range(len(rows)), [*names, "no object"], fontsize=8)
    for (row, column), count in np.ndenumerate(table):
        if count:
            ink = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, str(int(count)), ha="center", va="center", fontsize=7, color=ink)
    of = f" ({len(rows) - 1} of {nothing} classes)" if len(rows) - 1 < nothing else ""
    _label(axes, f"boxes that score {confusion.score:.2f} or more, at IoU 0.5{of}", "taken for", "what it is")
    axes.grid(visible=False)
    _save(figure, path)


def read_points(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON lines that are whole; none where there is no file. A later line of a step replaces
    an earlier one: a run that was interrupted goes over some steps again.
    """
    points: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            point: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # cut off
        points[int(point["step"])] = point
    return [points[step] for step in sorted(points)]


def _figure(width: float, height: float) -> Figure:
    """Without pyplot, which would keep each figure and look for a screen."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(color=_GREY, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _save(figure: Figure, path: Path) -> None:
    partial = path.with_name(f".{path.name}")
    figure.savefig(partial, format="png")
    partial.replace(path)
