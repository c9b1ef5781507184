"""Options of `groundcast detect`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """What to look for, with which model, and what to write."""

    prompt: Annotated[str | None, typer.Option(help="What to look for: 'red mug . blue cube'.")] = None
    refer: Annotated[str | None, typer.Option(help="Or one object that a sentence describes: 'the left red mug'.")] = (
        None
    )
    out: Annotated[Path | None, typer.Option(help="Folder for drawings and detections.jsonl.")] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results of an earlier run in --out.")] = False
    formats: Annotated[
        list[str],
        typer.Option(
            "--format",
            help="Write results in a file of --out, one entry per file: megadetector, csv, coco or jsonl. May be given "
            "several times. The same command continues a run that was stopped.",
            show_default=False,
        ),
    ] = field(default_factory=list[str])
    drawings: Annotated[bool, typer.Option("--drawings", help="With --format: also drawings, in the same folders.")] = (
        False
    )
    crops: Annotated[bool, typer.Option("--crops", help="With --format: also a picture of each detection.")] = False
    sample_hz: Annotated[
        float | None, typer.Option(help="Frames of a clip per second of its time. Default: all.", show_default=False)
    ] = None
    model: Annotated[str, typer.Option(help="A model's name, or the path of its weights.")] = "tabletop"
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto"
    size: Annotated[int | None, typer.Option(help="Short side of the network's input for a 4:3 picture, px.")] = None
    threshold: Annotated[float | None, typer.Option(help="The minimum score, 0..1. Default: 0.3.")] = None
    text_threshold: Annotated[
        float | None, typer.Option(help="Label boxes as the original does: with the words that score above this.")
    ] = None
    nms: Annotated[
        float | None,
        typer.Option(help="Of two boxes of a phrase above this IoU keep the better; 1 keeps both. Default: 0.7."),
    ] = None
    batch: Annotated[
        int | None,
        typer.Option(help="Pictures in one batch. Default: 8; with --format, what the device does best.", min=1),
    ] = None
    masks: Annotated[bool, typer.Option("--masks", help="Also find the pixels of each object in its box.")] = False
    masker: Annotated[
        str, typer.Option(help="The model for --masks: tabletop, or a SAM's folder or name on the hub.")
    ] = "tabletop"
    offline: Annotated[bool, typer.Option("--offline", help="Take published models only from the local cache.")] = False
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per picture; end with one of figures.")
    ] = False

    @property
    def minimum(self) -> float:
        """The minimum score."""
        return 0.3 if self.threshold is None else self.threshold
