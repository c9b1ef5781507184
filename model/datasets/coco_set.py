"""COCO files of picture sets, read and written with what they can hold beside boxes: masks, scores, splits, states.

`segmentation` is polygons, or run lengths where a mask has holes or comes from a masker. `score` stands beside the
fields of https://cocodataset.org/#format-data, as in COCO's own files of results; `split` and `state` are this
project's, and other readers pass over them.
"""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ..masks.mask import Mask, pixels_of
from .coco_records import CocoError, Record, read_records
from .picture_set import SPLITS, STATES, LabelledBox, Outline, PictureSet, PictureSetError, SetPicture


def coco_json(names: Sequence[str], pictures: Iterable[SetPicture], *, extra: bool = False) -> dict[str, Any]:
    """A COCO file's content.

    Args:
        extra: with the fields `split` and `state`.
    """
    numbers = {name: number for number, name in enumerate(names, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, picture in enumerate(pictures, 1):
        image: dict[str, Any] = {"id": number, "file_name": picture.file}
        image |= {"width": picture.width, "height": picture.height}
        if extra:
            image |= {"state": picture.state} | ({"split": picture.split} if picture.split else {})
        images.append(image)
        for box in picture.boxes:
            annotations.append(_annotation(len(annotations) + 1, number, numbers[box.name], box))
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    return {
        "info": {"description": "groundcast"},
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }


def write_coco_file(content: Mapping[str, Any], path: Path) -> None:
    """Write a file as a whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, ensure_ascii=False) + "\n", "utf-8")
    part.replace(path)


def read_coco_set(path: Path, folder: Path, split: str | None = None) -> PictureSet:
    """Read a COCO file.

    Args:
        path: the file.
        folder: what its `file_name` are relative to.
        split: of pictures that state none.

    Raises:
        PictureSetError: something does not fit; the text names the file and the record.
    """
    try:
        return _read(path, folder, split)
    except CocoError as error:
        raise PictureSetError(str(error)) from error


def _read(path: Path, folder: Path, split: str | None) -> PictureSet:
    file = read_records(path)
    if not file.categories:
        raise CocoError(f"annotations {path} have no categories: name another file")
    names = {record.whole("id"): record.text("name") for record in file.categories}
    if len(set(names.values())) != len(file.categories):
        raise CocoError(f"{path}: two categories have the same id or name")
    boxes: dict[int, list[LabelledBox]] = {record.whole("id"): [] for record in file.images}
    sizes = {record.whole("id"): (record.whole("height"), record.whole("width")) for record in file.images}
    if len(boxes) != len(file.images):
        raise CocoError(f"{path}: two images have the same id")
    for record in file.annotations:
        picture, category = record.whole("image_id"), record.whole("category_id")
        if picture not in boxes:
            raise record.error(f"image_id {picture} is no image of the file")
        if category not in names:
            raise record.error(f"category_id {category} is no category of the file")
        boxes[picture].append(_box(record, names[category], sizes[picture]))
    pictures = tuple(_picture(record, tuple(boxes[record.whole("id")]), split) for record in file.images)
    return PictureSet(tuple(names[number] for number in sorted(names)), folder, pictures)


def _picture(record: Record, boxes: tuple[LabelledBox, ...], split: str | None) -> SetPicture:
    own_split = record.text("split") if record.has("split") else split
    state = record.text("state") if record.has("state") else "new"
    if state not in STATES or own_split not in (None, *SPLITS):
        raise record.error(f"its state must be one of {', '.join(STATES)}, its split one of {', '.join(SPLITS)}")
    return SetPicture(record.text("file_name"), record.whole("width"), record.whole("height"), boxes, own_split, state)


def _box(record: Record, name: str, size_hw: tuple[int, int]) -> LabelledBox:
    x, y, width, height = record.box_xywh()
    score = record.number("score") if record.has("score") else None
    crowd = record.has("iscrowd") and record.whole("iscrowd") == 1
    outlines: tuple[Outline, ...] = ()
    mask: Mask | None = None
    shape = record.values.get("segmentation")
    if isinstance(shape, list):
        outlines = tuple(_outline(record, one) for one in cast("list[object]", shape))
    elif isinstance(shape, dict):
        mask = read_mask(record, cast("dict[str, object]", shape), size_hw)
    return LabelledBox(name, (x, y, x + width, y + height), score, crowd, outlines, mask)


def _outline(record: Record, one: object) -> Outline:
    values = cast("list[object]", one) if isinstance(one, list) else []
    numbers = tuple(float(value) for value in values if isinstance(value, int | float))
    if len(numbers) < 6 or len(numbers) % 2 or len(numbers) != len(values):
        raise record.error("a polygon of 'segmentation' must be a list of at least three points x, y")
    return numbers


def read_mask(record: Record, shape: Mapping[str, object], size_hw: tuple[int, int]) -> Mask:
    """The mask of run lengths, compressed or not.

    Raises:
        CocoError: they are damaged, or of another size than the picture.
    """
    from pycocotools import mask as pycocotools_mask

    codec: Any = pycocotools_mask
    size, counts = shape.get("size"), shape.get("counts")
    if size != list(size_hw):
        raise record.error(f"its run lengths have the size {size}, the picture has {list(size_hw)}")
    try:
        whole: dict[str, Any] = {"size": list(size_hw), "counts": counts}
        if isinstance(counts, list):
            whole = codec.frPyObjects(whole, *size_hw)
        else:
            whole["counts"] = cast("str", counts).encode("ascii")
        x, y, width, height = (float(value) for value in codec.toBbox(whole))
        mask = Mask(size_hw, whole["counts"], int(codec.area(whole)), 1.0, (x, y, x + width, y + height))
        pixels_of(mask)
        return mask
    except (AttributeError, TypeError, ValueError, UnicodeError) as error:
        raise record.error("its run lengths cannot be read") from error


def _annotation(number: int, picture: int, category: int, box: LabelledBox) -> dict[str, Any]:
    x1, y1, x2, y2 = box.box_xyxy
    values: dict[str, Any] = {"id": number, "image_id": picture, "category_id": category}
    values |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": box.area_px, "iscrowd": int(box.crowd)}
    if box.mask is not None:
        values["segmentation"] = {"size": list(box.mask.size_hw), "counts": box.mask.counts.decode("ascii")}
    elif box.outlines:
        values["segmentation"] = [list(outline) for outline in box.outlines]
    if box.score is not None:
        values["score"] = box.score
    return values
