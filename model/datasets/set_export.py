"""Export of a picture set: a folder in the format of another tool, with its pictures.

A folder is written beside its place and then moved there, so that a kill leaves the old one or the new one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from .coco_set import coco_json, write_coco_file
from .cvat_set import ANNOTATIONS, cvat_xml
from .label_studio_set import CONFIG, TASKS, label_studio_config, label_studio_task
from .picture_set import PictureSet, PictureSetError, SetPicture
from .voc_set import voc_xml
from .yolo_set import yolo_data_yaml, yolo_lines

OnPicture = Callable[[], None]


def export_set(pictures: PictureSet, kind: str, folder: Path, on_picture: OnPicture = lambda: None) -> list[str]:
    """Write `folder/KIND`, in the place of an earlier one. Pictures that a person rejected are left out.

    Args:
        pictures: what is written.
        kind: one of `KINDS`.
        folder: gets a folder of that name.
        on_picture: called with each picture that is written.

    Returns:
        What the format cannot hold, a sentence each.

    Raises:
        PictureSetError: two pictures would have one name.
        OSError: the disk takes no more, or a picture is missing.
    """
    kept = pictures.without_rejected()
    target, part = folder / kind, folder / f".{kind}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _WRITERS[kind](kept, part, on_picture)
    old = folder / f".{kind}.old"
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    part.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return _losses(kept, kind)


def place_picture(source: Path, target: Path) -> None:
    """A picture at another place: a hard link where both lie on one disk, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _write_coco(pictures: PictureSet, folder: Path, on_picture: OnPicture) -> None:
    named = _named(pictures.pictures, lambda one: one.file)
    _place_all(pictures, {file: f"images/{name}" for file, name in named.items()}, folder, on_picture)
    for split, own in pictures.splits.items():
        renamed = [replace(one, file=named[one.file]) for one in own]
        write_coco_file(coco_json(pictures.names, renamed), folder / f"{split}.json")


def _write_yolo(pictures: PictureSet, folder: Path, on_picture: OnPicture) -> None:
    numbers = pictures.numbers()
    polygons = any(box.outlines or box.mask for picture in pictures.pictures for box in picture.boxes)
    named = _named(pictures.pictures, lambda one: one.file, by_stem=True)
    where = {one.file: f"{one.split or 'train'}/{named[one.file]}" for one in pictures.pictures}
    _place_all(pictures, {file: f"images/{name}" for file, name in where.items()}, folder, on_picture)
    for picture in pictures.pictures:
        path = folder / "labels" / PurePosixPath(where[picture.file]).with_suffix(".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = yolo_lines(picture, numbers, polygons=polygons)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (folder / "data.yaml").write_text(yolo_data_yaml(pictures.names, list(pictures.splits)), "utf-8")


def _write_voc(pictures: PictureSet, folder: Path, on_picture: OnPicture) -> None:
    named = _named(pictures.pictures, lambda one: one.file.replace("/", "__"), by_stem=True)
    _place_all(pictures, {file: f"JPEGImages/{name}" for file, name in named.items()}, folder, on_picture)
    (folder / "Annotations").mkdir()
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for picture in pictures.pictures:
        name = named[picture.file]
        xml = voc_xml(replace(picture, file=name))
        (folder / "Annotations" / PurePosixPath(name).with_suffix(".xml")).write_text(xml, "utf-8")
    for split, own in pictures.splits.items():
        stems = [PurePosixPath(named[one.file]).stem for one in own]
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems), "utf-8")


def _write_odvg(pictures: PictureSet, folder: Path, on_picture: OnPicture) -> None:
    named = _named(pictures.pictures, lambda one: one.file)
    _place_all(pictures, {file: f"images/{name}" for file, name in named.items()}, folder, on_picture)
    numbers = pictures.numbers()
    labels = {str(number): name for name, number in numbers.items()}
    (folder / "label_map.json").write_text(json.dumps(labels, ensure_ascii=False) + "\n", "utf-8")
    for split, own in pictures.splits.items():
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for one in own:
                instances = [
                    {"bbox": list(box.box_xyxy), "label": numbers[box.name], "category": box.name}
                    for box in one.boxes
                    if not box.crowd
                ]
                line = {"filename": named[one.file], "height": one.height, "width": one.width}
                file.write(json.dumps({**line, "detection": {"instances": instances}}, ensure_ascii=False) + "\n")


def _write_label_studio(pictures: PictureSet, folder: Path, on_picture: OnPicture) -> None:
    named = _named(pictures.pictures, lambda one: one.file)
    places = {file: f"images/{name}" for file, name in named.items()}
    _place_all(pictures, places, folder, on_picture)
    tasks = [label_studio_task(row, one, places[one.file]) for row, one in enumerate(pictures.pictures, 1)]
    (folder / TASKS).write_text(json.dumps(tasks, ensure_ascii=False) + "\n", "utf-8")
    (folder / CONFIG).write_text(label_studio_config(pictures.names), "utf-8")


def _write_cvat(pictures: PictureSet, folder: Path, on_picture: OnPicture) -> None:
    named = _named(pictures.pictures, lambda one: one.file)
    _place_all(pictures, {file: f"images/{name}" for file, name in named.items()}, folder, on_picture)
    renamed = [replace(one, file=named[one.file]) for one in pictures.pictures]
    (folder / ANNOTATIONS).write_text(cvat_xml(pictures.names, renamed), "utf-8")


_WRITERS: dict[str, Callable[[PictureSet, Path, OnPicture], None]] = {
    "coco": _write_coco,
    "yolo": _write_yolo,
    "voc": _write_voc,
    "odvg": _write_odvg,
    "labelstudio": _write_label_studio,
    "cvat": _write_cvat,
}
KINDS = tuple(_WRITERS)


def _named(
    pictures: tuple[SetPicture, ...], name_of: Callable[[SetPicture], str], *, by_stem: bool = False
) -> dict[str, str]:
    """The name of each picture in the export, by its file. Absolute names lose what they have in common.

    Args:
        by_stem: labels are found by the name without its suffix: a.jpg and a.png become a.jpg and a_png.png.
    """
    parts = [PurePosixPath(one.file).parts for one in pictures]
    common = os.path.commonpath([one.file for one in pictures]) if any(one[0] == "/" for one in parts) else ""
    if common and len(pictures) == 1:
        common = str(PurePosixPath(common).parent)
    taken: set[str] = set()
    names: dict[str, str] = {}
    for one in pictures:
        name = PurePosixPath(name_of(replace(one, file=str(PurePosixPath(one.file).relative_to(common or ".")))))
        if by_stem and str(name.with_suffix("")) in taken:
            name = name.with_name(f"{name.stem}_{name.suffix[1:]}{name.suffix}")
        key = str(name.with_suffix("")) if by_stem else str(name)
        if key in taken or ".." in name.parts:
            raise PictureSetError(f"{one.file} would have the name of another picture: rename one of them")
        taken.add(key)
        names[one.file] = str(name)
    return names


def _place_all(pictures: PictureSet, places: dict[str, str], folder: Path, on_picture: OnPicture) -> None:
    for picture in pictures.pictures:
        place_picture(pictures.folder / picture.file, folder / places[picture.file])
        on_picture()


def _losses(pictures: PictureSet, kind: str) -> list[str]:
    boxes = [box for picture in pictures.pictures for box in picture.boxes]
    shaped = [box for box in boxes if box.mask is not None or box.outlines]
    said: list[str] = []
    if kind in ("yolo", "odvg"):
        if scored := sum(box.score is not None for box in boxes):
            said.append(f"{kind} has no place for the scores of {scored} boxes")
        if crowds := sum(box.crowd for box in boxes):
            said.append(
                f"{kind} has no crowds: {crowds} are {'boxes like the others' if kind == 'yolo' else 'left out'}"
            )
    if kind == "yolo" and (several := sum(len(box.polygons) > 1 for box in shaped)):
        said.append(f"yolo holds one polygon an object: of {several} objects in several parts it has the largest")
    if kind == "labelstudio" and (parted := sum(len(box.outlines) > 1 for box in boxes if box.mask is None)):
        said.append(f"labelstudio holds one polygon a region: {parted} objects in several parts become several")
    if kind in ("labelstudio", "cvat") and shaped:
        said.append(f"{kind} holds a shape or a box: {len(shaped)} objects have their shape, and the box around it")
    if kind in ("voc", "odvg") and shaped:
        said.append(f"{kind} has boxes alone: the shapes of {len(shaped)} objects are left out")
    if kind == "voc":
        odd = sum(any(side != round(side) for side in box.box_xyxy) for box in boxes)
        if odd:
            said.append(f"voc has whole pixels: {odd} boxes are rounded")
        used = {box.name for box in boxes}
        if unused := [name for name in pictures.names if name not in used]:
            said.append(f"voc knows only classes that occur: not {', '.join(unused[:5])}")
    return said
