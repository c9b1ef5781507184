"""Options of `groundcast label`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ...model.datasets.set_export import KINDS
from ..exits import InputError


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """What to label, and what to write."""

    into: Annotated[Path | None, typer.Option("--folder", help="Folder for the data set.", show_default=False)] = None
    review: Annotated[
        Path | None,
        typer.Option(help="Label nothing: open this data set in the browser, as `groundcast dataset review` does."),
    ] = None
    classes: Annotated[
        Path | None,
        typer.Option(help="A file with a class on each line: 'mobile phone = cell phone, smartphone @0.4'."),
    ] = None
    prompt: Annotated[str | None, typer.Option(help="Or the classes: 'red mug . bottle'.")] = None
    to: Annotated[str, typer.Option(help=f"Formats, with commas: {', '.join(KINDS)}.")] = "coco"
    masks: Annotated[bool, typer.Option("--masks", help="Also find the pixels of each object in its box.")] = False
    masker: Annotated[
        str, typer.Option(help="The model for --masks: tabletop, or a SAM's folder or name on the hub.")
    ] = "tabletop"
    split: Annotated[str, typer.Option(help="Shares of train, val and test.")] = "0.8,0.1,0.1"
    seed: Annotated[int, typer.Option(help="Draws the split; a clip's frames stay together.")] = 0
    sample_hz: Annotated[
        float | None, typer.Option(help="Frames of a clip per second of its time. Default: all.", show_default=False)
    ] = None
    leave_out_similar: Annotated[
        bool, typer.Option("--leave-out-similar", help="Leave out pictures that look as the one before.")
    ] = False
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="The minimum score.")] = 0.3
    model: Annotated[str, typer.Option(help="A model's name, or the path of its weights.")] = "tabletop"
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto"
    size: Annotated[int | None, typer.Option(help="Short side of the network's input for a 4:3 picture, px.")] = None
    offline: Annotated[bool, typer.Option("--offline", help="Take published models only from the local cache.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, whatever the folder contains.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object.")] = False

    @property
    def folder(self) -> Path:
        """The folder for the data set.

        Raises:
            InputError: none is named.
        """
        if self.into is None:
            raise InputError("no folder: write --folder with the place for the data set")
        return self.into

    @property
    def kinds(self) -> list[str]:
        """The formats.

        Raises:
            InputError: one is not known.
        """
        return formats_of(self.to)

    @property
    def shares(self) -> list[float]:
        """The shares of train, val and test.

        Raises:
            InputError: they are no shares.
        """
        return shares_of(self.split)


def formats_of(text: str) -> list[str]:
    """Formats from a text with commas.

    Raises:
        InputError: one is not known.
    """
    kinds = [one.strip() for one in text.split(",") if one.strip()]
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"--to {kind} is not known: write {', '.join(KINDS)}")
    if not kinds:
        raise InputError(f"--to names no format: write {', '.join(KINDS)}")
    return list(dict.fromkeys(kinds))


def shares_of(text: str) -> list[float]:
    """The shares of train, val and test from '0.8,0.1,0.1'.

    Raises:
        InputError: they are no shares.
    """
    try:
        shares = [float(one) for one in text.split(",")]
    except ValueError:
        shares = []
    if not 1 <= len(shares) <= 3 or not all(0.0 <= one < 1e6 for one in shares) or not sum(shares) > 0:
        raise InputError(f"--split {text} is no split: write the shares of train, val and test, such as 0.8,0.1,0.1")
    return shares
