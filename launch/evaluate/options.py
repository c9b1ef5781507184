"""Options of the evaluations on COCO-format data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ...model.config import Precision

AnnotationsArgument = Annotated[Path, typer.Argument(help="The JSON file.", show_default=False)]
PicturesArgument = Annotated[Path, typer.Argument(help="The folder of its pictures.", show_default=False)]
RuleOption = Annotated[str, typer.Option(help="A phrase's score is the mean or the max of its tokens'.")]
ChunkOption = Annotated[int, typer.Option(help="Categories in one prompt.", min=1)]
DtypeOption = Annotated[Precision, typer.Option(help="The number format to compute in.")]


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """The options of every evaluation."""

    model: Annotated[str, typer.Option(help="A name, or a path to weights.")] = "tabletop"
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto"
    dtype: DtypeOption = "auto"
    size: Annotated[
        int | None, typer.Option(help="Short side of the network's input for a 4:3 picture, px.", min=32, max=4096)
    ] = None
    limit: Annotated[int | None, typer.Option(help="Use only the first pictures (refcoco: sentences).", min=1)] = None
    score_rule: RuleOption = "mean"
    keep_odd_boxes: Annotated[
        bool, typer.Option("--keep-odd-boxes", help="Keep boxes without area or outside their picture.")
    ] = False
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder of detections and result; the same folder resumes. Default: below runs/."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False

    @property
    def nms_iou(self) -> float | None:
        """Of two boxes of a phrase that overlap more, one stays; None keeps all."""
        return None


@dataclass(frozen=True, slots=True)
class CocoOptions(EvalOptions):
    """The same, and the options that average precision depends on."""

    batch: Annotated[int, typer.Option(help="Pictures in one batch.", min=1)] = 8
    chunk: ChunkOption = 80
    boxes: Annotated[int, typer.Option(help="Maximum boxes per picture, over all chunks.", min=1)] = 300
    nms: Annotated[
        float,
        typer.Option(help="Of two boxes of a phrase above this IoU keep the better; 1 keeps both.", min=0.0, max=1.0),
    ] = 1.0

    @property
    def nms_iou(self) -> float | None:
        return None if self.nms >= 1 else self.nms
