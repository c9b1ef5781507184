"""What the evaluations on COCO-format data share: their options, the detector they load, how runs are told apart."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import InputError, RunError, say

if TYPE_CHECKING:
    from ..model.detector import Detector
    from ..model.training.coco_store import DetectionStore

AnnotationsArgument = Annotated[Path, typer.Argument(help="The JSON file.", show_default=False)]
PicturesArgument = Annotated[Path, typer.Argument(help="The folder of its pictures.", show_default=False)]
RuleOption = Annotated[str, typer.Option(help="A phrase's score is the mean or the max of its tokens'.")]
ChunkOption = Annotated[int, typer.Option(help="Categories asked in one pass of the network.", min=1)]

RESULT, DETECTIONS = "result.json", "detections.jsonl"


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """What every evaluation is told."""

    model: Annotated[str, typer.Option(help="A name, or a path to weights.")] = "tabletop"
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    size: Annotated[
        int | None, typer.Option(help="The network's input: its short side for a 4:3 picture, px.", min=32)
    ] = None
    limit: Annotated[int | None, typer.Option(help="Use only the first pictures (refcoco: sentences).", min=1)] = None
    score_rule: RuleOption = "mean"
    keep_odd_boxes: Annotated[
        bool, typer.Option("--keep-odd-boxes", help="Judge boxes of no area or outside their picture as they stand.")
    ] = False
    folder: Annotated[
        Path | None,
        typer.Option(help="Detections and the result go here; the same again goes on. Default: below runs/."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False

    @property
    def nms_iou(self) -> float | None:
        """Of two boxes of a phrase that overlap more, one stays; None keeps all."""
        return None


@dataclass(frozen=True, slots=True)
class CocoOptions(EvalOptions):
    """The same, and what average precision depends on."""

    batch: Annotated[int, typer.Option(help="Pictures asked at once.", min=1)] = 8
    chunk: ChunkOption = 80
    boxes: Annotated[int, typer.Option(help="The best boxes of a picture that are kept, over all chunks.", min=1)] = 300
    nms: Annotated[
        float,
        typer.Option(
            help="Of two boxes of a phrase that overlap more, one stays; at 1 (off) both do.", min=0.0, max=1.0
        ),
    ] = 1.0

    @property
    def nms_iou(self) -> float | None:
        return None if self.nms >= 1 else self.nms


def check_library() -> None:
    """Before hours of detection, not after them.

    Raises:
        InputError: the library that judges is not installed.
    """
    if find_spec("faster_coco_eval") is None:
        raise InputError("eval needs faster_coco_eval, which is not installed: pip install 'groundcast[node,eval]'")


def load(options: EvalOptions) -> Detector:
    """The detector, which gives every pair of box and phrase.

    Raises:
        InputError: an unknown score rule.
    """
    from ..model.detector import Detector, DetectorOptions

    if options.score_rule not in ("mean", "max"):
        raise InputError(f"--score-rule {options.score_rule!r} is unknown: write mean or max")
    return Detector.load(
        options.model,
        DetectorOptions(
            device=options.device,
            size=options.size,
            score_rule=options.score_rule,
            nms_iou=options.nms_iou,
            one_phrase=False,
        ),
    )


def identity(detector: Detector, options: EvalOptions, task: str) -> dict[str, object]:
    """What decides what is found, whatever the data: runs that differ in it must not share a file of detections.

    Args:
        detector: as loaded.
        options: as given.
        task: which evaluation.
    """
    from ..model.checkpoint import find_checkpoint

    with find_checkpoint(options.model).open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "task": task,
        "model": asdict(detector.info),
        "weights_sha256": weights,
        "network_input": detector.input_rule,
        "nms_iou": detector.options.nms_iou,
        "one_phrase": detector.options.one_phrase,
    }


def open_store(folder: Path, header: Mapping[str, object]) -> DetectionStore:
    """The run's detections; says so when some are there already."""
    from ..model.training.coco_store import DetectionStore

    store = DetectionStore(folder / DETECTIONS, header)
    if store.found:
        say(f"going on in {folder}: {len(store.found)} are done")
    return store


def default_folder(task: str, options: EvalOptions, data: Path) -> Path:
    """`runs/eval-<task>-<model>-<data>`."""
    return Path("runs") / f"eval-{task}-{Path(options.model).stem}-{data.resolve().stem}"


def finish(
    result: Mapping[str, object], table: Mapping[str, Mapping[str, float]], folder: Path, *, as_json: bool
) -> None:
    """Keep the result in the folder and show it.

    Args:
        result: for JSON.
        table: figures by row and column, for people.
        folder: the run's.
        as_json: end with one JSON object.
    """
    text = json.dumps(result, allow_nan=False)
    try:
        (folder / RESULT).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{folder / RESULT} cannot be written ({error.strerror}): make room, then run again") from error
    if sys.stdout.isatty() or not as_json:
        _show(table)
        print(f"{RESULT} and {DETECTIONS} are in {folder}")
    if as_json:
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
