"""Options of `groundcast edit`, and the checks that they do not contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ..exits import InputError
from ..settings.command_options import MAX_SEED

BOXES_ALONE = "box"
_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOptions:
    """What to edit, into what, and the models that do it."""

    prompt: Annotated[str, typer.Option(help="What to edit, as for detect: 'red mug . bottle'.")]
    replace: Annotated[str | None, typer.Option(help="Paint this in its place: 'a green vase'.")] = None
    remove: Annotated[
        bool, typer.Option("--remove", help="Paint what is around it in its place, then look whether it is gone.")
    ] = False
    invert: Annotated[
        bool, typer.Option("--invert", help="Keep what the prompt names, paint everything else anew (with --replace).")
    ] = False
    pipeline: Annotated[
        str | None, typer.Option(help="A diffusers pipeline that paints: a folder, or owner/model of the hub.")
    ] = None
    out: Annotated[Path | None, typer.Option(help="File for the result: .png; a .jpg changes every pixel.")] = None
    boxes_json: Annotated[
        Path | None, typer.Option(help="Also write boxes and phrases as GLIGEN takes them. Needs no pipeline.")
    ] = None
    dilate: Annotated[
        int | None,
        typer.Option(
            min=-4096, max=4096, help="How far the mask grows, px; below 0 it shrinks. Default: 8, with --invert 0."
        ),
    ] = None
    feather: Annotated[
        int, typer.Option(min=0, max=4096, help="Width of the transition around the grown mask, px.")
    ] = 4
    masker: Annotated[
        str, typer.Option(help="Finds the object's pixels: tabletop, a SAM's folder or name; box takes whole boxes.")
    ] = "tabletop"
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="The same seed gives the same file.")] = 0
    steps: Annotated[int, typer.Option(min=1, max=1000, help="Steps of the pipeline.")] = 30
    guidance: Annotated[
        float | None, typer.Option(min=0.0, max=100.0, help="How closely to follow the text. Default: the pipeline's.")
    ] = None
    paint_size: Annotated[
        int | None, typer.Option(min=8, max=8192, help="Longer side of what is painted, px. Default: the pipeline's.")
    ] = None
    model: Annotated[str, typer.Option(help="The detector's name, or the path of its weights.")] = "tabletop"
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="The minimum score.")] = 0.3
    size: Annotated[int | None, typer.Option(help="Short side of the detector's input for a 4:3 picture, px.")] = None
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto"
    offline: Annotated[bool, typer.Option("--offline", help="Take published models only from the local cache.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False

    @property
    def edits(self) -> bool:
        """Whether pixels are to change; else boxes alone are written."""
        return self.remove or self.replace is not None

    @property
    def dilate_px(self) -> int:
        """How far the mask grows."""
        return self.dilate if self.dilate is not None else 0 if self.invert else 8


def check_options(picture: Path, options: EditOptions) -> None:
    """
    Raises:
        InputError: the options contradict each other, or one is missing.
    """
    if options.remove and options.replace is not None:
        raise InputError("--remove and --replace exclude each other: leave one of them away")
    if options.invert and options.replace is None:
        raise InputError("--invert keeps what the prompt names: write with --replace what shall be around it")
    if not options.edits and options.boxes_json is None:
        raise InputError("nothing to do: write --replace 'a green vase', --remove, or --boxes-json FILE")
    if options.replace is not None and not options.replace.strip():
        raise InputError("--replace has no words: write what to paint, or --remove")
    if options.edits and options.pipeline is None:
        raise InputError("no --pipeline: name a folder or a model of the hub that paints inside masks")
    if options.edits and options.out is None:
        raise InputError("no --out: name a file for the result, such as edited.png")
    if not options.edits and (options.out is not None or options.pipeline is not None):
        raise InputError("--boxes-json alone changes no picture: leave --out and --pipeline away, or add --replace")
    if not picture.is_file():
        raise InputError(f"there is no picture at {picture}: name a file")
    _check_files(picture, options)


def _check_files(picture: Path, options: EditOptions) -> None:
    if options.out is not None and options.out.suffix.lower() not in _SUFFIXES:
        raise InputError(f"--out {options.out} is neither PNG nor JPEG: end its name with .png or .jpg")
    written = [path.resolve() for path in (options.out, options.boxes_json) if path is not None]
    if picture.resolve() in written:
        raise InputError(f"{picture} would be written over: name another file for the result")
    if len(set(written)) < len(written):
        raise InputError("--out and --boxes-json name the same file: name two")
    for path in written:
        if not path.parent.is_dir() or path.is_dir():
            raise InputError(f"{path} cannot be written: name a file in a folder that is there")
