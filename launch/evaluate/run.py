"""One evaluation on COCO-format data: the detector, the detections it keeps, the result it leaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..exits import InputError, RunError, running, say
from ..show.progress import busy, progress

if TYPE_CHECKING:
    from ...model.datasets.coco_data import CheckedFile
    from ...model.detector import Detector
    from ...model.evaluation.coco_store import DetectionStore
    from .options import EvalOptions

RESULT, DETECTIONS = "result.json", "detections.jsonl"


@dataclass(frozen=True, slots=True)
class EvalRun:
    """A detector that is being evaluated.

    Args:
        detector: as loaded.
        options: as given.
        identity: what decides what is found, whatever the data: runs that differ in it must not share a file.
        folder: where detections and the result are kept.
    """

    detector: Detector
    options: EvalOptions
    identity: Mapping[str, object]
    folder: Path


@dataclass(frozen=True, slots=True)
class Measuring:
    """One data set that is being measured.

    Args:
        store: what was found in it so far.
        choices: what its result says about how it was made.
        advance: called with (done, of how many).
    """

    store: DetectionStore
    choices: Mapping[str, object]
    advance: Callable[[int, int], None]


def check_libraries(*names: str) -> None:
    """Before hours of detection, not after them.

    Raises:
        InputError: one of the libraries that draw or judge is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise InputError(f"eval needs {name}, which is not installed: pip install 'groundcast[node,eval]'")


@contextmanager
def open_run(task: str, options: EvalOptions, data: Path) -> Generator[EvalRun]:
    """Load the detector, which then gives every pair of box and phrase.

    Args:
        task: which evaluation.
        options: as given; without a folder the run is kept in `runs/eval-<task>-<model>-<data>`.
        data: what is measured.

    Raises:
        InputError: an unknown score rule.
    """
    from ...model.detector import Detector, DetectorOptions
    from ...model.weights.checkpoint import file_sha256, find_checkpoint

    if options.score_rule not in ("mean", "max"):
        raise InputError(f"--score-rule {options.score_rule!r} is unknown: write mean or max")
    chosen = DetectorOptions(
        device=options.device,
        size=options.size,
        dtype=options.dtype,
        score_rule=options.score_rule,
        nms_iou=options.nms_iou,
        one_phrase=False,
    )
    folder = options.folder or Path("runs") / f"eval-{task}-{Path(options.model).stem}-{data.resolve().stem}"
    with busy(f"loading {options.model}"):
        loaded = Detector.load(options.model, chosen)
    with loaded as detector:
        identity: dict[str, object] = {
            "task": task,
            "model": asdict(detector.info),
            "weights_sha256": file_sha256(find_checkpoint(options.model)),
            "network_input": detector.input_rule,
            "nms_iou": detector.options.nms_iou,
            "one_phrase": detector.options.one_phrase,
        }
        yield EvalRun(detector, options, identity, folder)


@contextmanager
def measuring(run: EvalRun, source: CheckedFile, rules: Mapping[str, object]) -> Generator[Measuring]:
    """Go on with the run's detections, behind a bar; what goes wrong from here on is a failure of the run.

    Args:
        run: whose folder holds the detections of this data set alone.
        source: the data set's file.
        rules: what else decides what is found.

    Raises:
        StoreError: the folder holds another run.
    """
    from ...model.evaluation.coco_store import DetectionStore

    header = {**run.identity, "annotations_sha256": source.sha256, **rules}
    choices = {
        **header,
        "annotations": str(source.path),
        "odd_boxes_kept": source.odd_boxes,
        "pictures_turned_by_exif": source.turned,
        "device": run.options.device,
    }
    say_turned(source.turned, source.path)
    with DetectionStore(run.folder / DETECTIONS, header) as store:
        if store.found:
            say(f"going on in {run.folder}: {len(store.found)} are done")
        with running(), progress(f"detecting in {source.path.stem}") as advance:
            yield Measuring(store, choices, advance)


def say_turned(turned: int, annotations: Path) -> None:
    """Say that pictures of a data set stand upright by their EXIF alone: boxes drawn on stored pixels do not fit."""
    if turned:
        say(f"{turned} pictures of {annotations} are stored turned: their boxes are read as their EXIF shows them")


def finish(run: EvalRun, result: Mapping[str, object], table: Mapping[str, Mapping[str, float]]) -> None:
    """Keep the result in the folder and show it.

    Args:
        run: whose result it is.
        result: for JSON.
        table: figures by row and column, for people.

    Raises:
        RunError: the result cannot be written.
    """
    text = json.dumps(result, allow_nan=False)
    try:
        (run.folder / RESULT).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        place = run.folder / RESULT
        raise RunError(f"{place} cannot be written ({error.strerror}): make room, then run again") from error
    if sys.stdout.isatty() or not run.options.as_json:
        _show(table)
        print(f"{RESULT} and {DETECTIONS} are in {run.folder}")
    if run.options.as_json:
        print(text)


def _show(rows: Mapping[str, Mapping[str, float]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("")
    columns = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    for name in columns:
        table.add_column(name, justify="right")
    for row, figures in rows.items():
        table.add_row(row, *(f"{figures[name]:.4f}" if name in figures else "" for name in columns))
    Console().print(table)
