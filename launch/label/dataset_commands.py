"""`groundcast dataset`: checks, counts, converts, merges, splits and reviews data sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ...model.datasets.picture_set import PictureSet, PictureSetError, SetPicture, merge_sets, split_pictures
from ...model.datasets.set_export import KINDS, export_set
from ...model.pictures.still_picture import StillError, read_header
from ..exits import InputError, RunError, make_writable, say
from ..show.progress import progress
from .label_options import formats_of, shares_of
from .review import review_dataset
from .set_inputs import read_set
from .set_report import find_suspicious, write_set_report

Paths = Annotated[
    list[Path],
    typer.Argument(help="COCO files, or folders of COCO, YOLO, Pascal VOC, Label Studio, CVAT or `groundcast label`."),
]
Pictures = Annotated[Path | None, typer.Option(help="The folder of a COCO file's pictures. Default: beside it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def check_dataset(paths: Paths, pictures: Pictures = None, as_json: AsJson = False) -> None:
    """Check data sets: every picture is there and has the stated size, every box lies in its picture."""
    faults: list[str] = []
    count = boxes = 0
    for path in paths:
        _, labelled = _read(path, pictures)
        count += len(labelled.pictures)
        boxes += labelled.boxes
        with progress("checking") as advance:
            for done, one in enumerate(labelled.pictures, 1):
                faults += [f"{path}: {one.file}: {said}" for said in _faults(labelled.folder, one)]
                advance(done, len(labelled.pictures))
    if as_json:
        print(json.dumps({"pictures": count, "boxes": boxes, "faults": faults}))
    else:
        for said in faults:
            print(said)
        print(f"{count} pictures with {boxes} boxes, {len(faults)} faults")
    if faults:
        raise RunError(f"{len(faults)} faults were found: mend the data set")


def count_dataset(
    paths: Paths,
    pictures: Pictures = None,
    report: Annotated[Path | None, typer.Option(help="Also write a report.html here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count pictures, boxes and classes, by part."""
    labelled = _merged(paths, pictures)
    figures: dict[str, Any] = {
        "pictures": len(labelled.pictures),
        "boxes": labelled.boxes,
        "empty": sum(not one.boxes for one in labelled.pictures),
        "parts": {name: len(own) for name, own in labelled.splits.items()},
        "classes": {
            name: sum(box.name == name for one in labelled.pictures for box in one.boxes) for name in labelled.names
        },
        "suspicious": {what: len(boxes) for what, boxes in find_suspicious(labelled.pictures).items()},
    }
    if report is not None:
        write_set_report(labelled, report, f"Data set {paths[0].name}")
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    print(f"{figures['pictures']} pictures ({figures['empty']} empty), {figures['boxes']} boxes")
    for name, value in [*figures["parts"].items(), *figures["classes"].items(), *figures["suspicious"].items()]:
        print(f"  {value:>8}  {name}")


def convert_dataset(
    paths: Paths,
    folder: Annotated[Path, typer.Option(help="Gets a folder for each format.")],
    to: Annotated[str, typer.Option(help=f"Formats, with commas: {', '.join(KINDS)}.")],
    pictures: Pictures = None,
) -> None:
    """Convert data sets into other formats. Several become one; classes of one name are one class."""
    _export(_merged(paths, pictures), formats_of(to), folder)


def split_dataset(
    paths: Paths,
    folder: Annotated[Path, typer.Option(help="Gets a folder for each format.")],
    shares: Annotated[str, typer.Option(help="Shares of train, val and test.")] = "0.8,0.1,0.1",
    seed: Annotated[int, typer.Option(help="Draws the parts.")] = 0,
    by_folder: Annotated[
        bool, typer.Option("--by-folder", help="Keep the pictures of one folder, such as a clip's frames, together.")
    ] = False,
    to: Annotated[str, typer.Option(help=f"Formats, with commas: {', '.join(KINDS)}.")] = "coco",
    pictures: Pictures = None,
) -> None:
    """Draw the parts of a data set anew: train, val and test."""
    labelled = _merged(paths, pictures)
    groups = {one.file: str(Path(one.file).parent) for one in labelled.pictures} if by_folder else None
    drawn = split_pictures(labelled.pictures, shares_of(shares), seed, groups)
    _export(replace(labelled, pictures=drawn), formats_of(to), folder)


def _export(labelled: PictureSet, kinds: list[str], folder: Path) -> None:
    make_writable(folder)
    for kind in kinds:
        try:
            losses = export_set(labelled, kind, folder)
        except FileNotFoundError as error:
            raise InputError(f"picture {error.filename} is missing: name its folder with --pictures") from error
        except OSError as error:
            raise RunError(f"{folder} cannot be written ({error.strerror}): free some space, then again") from error
        for said in losses:
            say(said)
        print(f"{len(labelled.without_rejected().pictures)} pictures are in {folder / kind}")


def _merged(paths: list[Path], pictures: Path | None) -> PictureSet:
    sets = [_read(path, pictures)[1] for path in paths]
    try:
        return sets[0] if len(sets) == 1 else merge_sets(sets, Path("/"))
    except PictureSetError as error:
        raise InputError(str(error)) from error


def _read(path: Path, pictures: Path | None) -> tuple[str, PictureSet]:
    try:
        return read_set(path, pictures)
    except PictureSetError as error:
        raise InputError(str(error)) from error


def _faults(folder: Path, picture: SetPicture) -> list[str]:
    try:
        header = read_header(folder / picture.file)
    except StillError as error:
        return [f"cannot be read: {error}"]
    except OSError as error:
        return [f"cannot be read ({error.strerror})"]
    said: list[str] = []
    if (header.width, header.height) != (picture.width, picture.height):
        stated, real = f"{picture.width}x{picture.height}", f"{header.width}x{header.height}"
        said.append(f"{stated} px are stated, the upright picture has {real}")
    for box in picture.boxes:
        x1, y1, x2, y2 = box.box_xyxy
        if not (x2 > x1 and y2 > y1):
            said.append(f"a box of {box.name!r} has no area")
        elif x1 < -1 or y1 < -1 or x2 > picture.width + 1 or y2 > picture.height + 1:
            said.append(f"a box of {box.name!r} leaves the picture")
    return said


COMMANDS: dict[str, Callable[..., Any]] = {
    "check": check_dataset,
    "stats": count_dataset,
    "convert": convert_dataset,
    "split": split_dataset,
    "review": review_dataset,
}
