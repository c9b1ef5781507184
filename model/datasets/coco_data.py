"""COCO data sets: annotations read and checked completely before use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ..pictures.still_picture import StillError, read_one_picture
from .coco_records import CocoError, CocoFile, Record, read_records
from .federated import is_federated, known_categories
from .picture_check import StoredPicture, check_size, check_stored, unreadable

WORDING_RULE = "the category's name, '_' as a blank, without what stands in brackets"
FREQUENCIES = ("r", "c", "f")  # LVIS: a category is rare, common or frequent
_SLACK_PX = 1.0  # how far a box may exceed the picture by rounding


@dataclass(frozen=True, slots=True)
class CocoPicture:
    """One picture.

    Args:
        number: its `id` in the file.
        file: its path.
        width_px, height_px: its size as the file states it.
        absent: categories known to be absent; None: every one without an object here.
        not_exhaustive: categories of which some objects are not annotated.
        part_of: the merged data set it comes from, by its `set`; '' without one.
    """

    number: int
    file: Path
    width_px: int
    height_px: int
    absent: tuple[int, ...] | None = None
    not_exhaustive: tuple[int, ...] = ()
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class CocoCategory:
    """One category.

    Args:
        number: its `id` in the file.
        name: as the file writes it.
        frequency: LVIS: 'r', 'c' or 'f'.
    """

    number: int
    name: str
    frequency: str | None = None

    @property
    def wording(self) -> str:
        """The wording for the model, by `WORDING_RULE`; the name itself if the rule leaves nothing."""
        return " ".join(_without_brackets(self.name.replace("_", " ")).split()) or self.name


@dataclass(frozen=True, slots=True)
class CocoBox:
    """One annotated object.

    Args:
        picture, category: the `id` of each.
        box_xywh: left, top, width, height, px.
        area_px: the object's area in the file, else the box's; defines small, medium and large.
        crowd: neither finding nor missing it counts.
    """

    picture: int
    category: int
    box_xywh: tuple[float, float, float, float]
    area_px: float
    crowd: bool


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """The file of a data set.

    Args:
        path: of its annotations.
        sha256: of their bytes.
        odd_boxes: number of boxes without area or beyond their picture that were kept unchanged.
        turned: number of pictures that are upright by their EXIF alone.
    """

    path: Path
    sha256: str
    odd_boxes: int
    turned: int


@dataclass(frozen=True, slots=True)
class CocoData:
    """A data set, checked.

    Args:
        source: its file; odd boxes are counted in the pictures that are used.
        pictures: those that are used, in the file's order.
        categories: those that are used.
        boxes: the objects in these pictures.
    """

    source: CheckedFile
    pictures: tuple[CocoPicture, ...]
    categories: tuple[CocoCategory, ...]
    boxes: tuple[CocoBox, ...]

    @property
    def instances(self) -> int:
        """The number of objects that count."""
        return sum(not box.crowd for box in self.boxes)

    @property
    def is_federated(self) -> bool:
        """Whether it states for each picture which categories are known to be absent, as LVIS does."""
        return any(picture.absent is not None for picture in self.pictures)


def read_coco(
    annotations: Path,
    folder: Path,
    *,
    limit: int | None = None,
    lvis: bool = False,
    keep_odd_boxes: bool = False,
    on_records: Callable[[int, int], None] = lambda annotations, pictures: None,
) -> CocoData:
    """Read and check annotations, and check that every picture exists.

    Args:
        annotations: the JSON file.
        folder: what its `file_name` are relative to.
        limit: use only the first pictures.
        lvis: require what LVIS adds: how frequent a category is, and what is known of each picture.
        keep_odd_boxes: judge boxes that have no area or leave their picture as they stand, as COCO's own tool does,
            instead of refusing them.
        on_records: called with how many annotations and pictures there are, before each is looked at.

    Raises:
        CocoError: something does not fit; the text names the file and the record.
    """
    file = read_records(annotations)
    on_records(len(file.annotations), len(file.images))
    categories = _categories(file, lvis=lvis)
    known = read_pictures(file, folder, lvis=lvis)
    boxes, odd = _boxes(file, known, {one.number for one in categories}, lvis=lvis, keep_odd_boxes=keep_odd_boxes)
    if not lvis and is_federated(file.images):
        known = _federated(file, known, categories, boxes)
    pictures = tuple(known.values())[:limit]
    turned = check_pictures(pictures, file, folder)
    used = {picture.number for picture in pictures}
    used_categories = tuple(one for one in categories if one.number not in _headings(file))
    own = tuple(box for box in boxes if box.picture in used)
    if not any(not box.crowd for box in own):
        raise CocoError(f"{annotations}: its first {len(pictures)} images hold no object that counts: use more of them")
    source = CheckedFile(annotations, file.sha256, sum(number in used for number in odd), turned)
    return CocoData(source, pictures, used_categories, own)


def read_pictures(file: CocoFile, folder: Path, *, lvis: bool = False) -> dict[int, CocoPicture]:
    """Every image entry by its id, without a check that its picture exists.

    Raises:
        CocoError: a field is missing, or an id stands twice.
    """
    pictures: dict[int, CocoPicture] = {}
    for record in file.images:
        number, width, height = record.whole("id"), record.whole("width"), record.whole("height")
        if number in pictures:
            raise record.error("this id stands twice: each image needs its own")
        if width < 1 or height < 1:
            raise record.error(f"its size is {width}x{height}: both sides must be at least 1 px")
        absent = record.wholes("neg_category_ids") if lvis else None
        loose = record.wholes("not_exhaustive_category_ids") if lvis else ()
        part_of = record.text("set") if record.has("set") else ""
        pictures[number] = CocoPicture(number, _place(record, folder), width, height, absent, loose, part_of)
    return pictures


def check_pictures(pictures: Sequence[CocoPicture], file: CocoFile, folder: Path) -> int:
    """Check the pictures with `check_stored`."""
    return check_stored({f"{file.path}, image {picture.number}": picture for picture in pictures}, folder)


def check_box(record: Record, picture: CocoPicture) -> CocoError | None:
    """The error of the record's box, if it has one."""
    fault = box_fault(record.box_xywh(), picture.width_px, picture.height_px)
    return None if fault is None else record.error(f"{fault}, image {picture.number}")


def box_fault(box_xywh: tuple[float, float, float, float], width_px: int, height_px: int) -> str | None:
    """The fault of a box: it has no area, or exceeds its picture by more than rounding; None if it has none."""
    x, y, width, height = box_xywh
    if width <= 0 or height <= 0:
        return f"its box {list(box_xywh)} has no area"
    right, bottom = width_px + _SLACK_PX, height_px + _SLACK_PX
    if x < -_SLACK_PX or y < -_SLACK_PX or x + width > right or y + height > bottom:
        return f"its box {list(box_xywh)} reaches out of its picture of {width_px}x{height_px} px"
    return None


def cut_to_picture(
    box_xyxy: tuple[float, float, float, float], width_px: int, height_px: int
) -> tuple[float, float, float, float] | None:
    """The part of a box within its picture, None if there is none."""
    left, right = (min(max(x, 0.0), width_px) for x in (box_xyxy[0], box_xyxy[2]))
    top, bottom = (min(max(y, 0.0), height_px) for y in (box_xyxy[1], box_xyxy[3]))
    return (left, top, right, bottom) if right > left and bottom > top else None


def refuse(odd: Sequence[CocoError]) -> CocoError:
    """One sentence about all odd boxes, which names the first."""
    return CocoError(f"{odd[0]}; boxes like that: {len(odd)}; mend them, or keep them as they are: --keep-odd-boxes")


def read_picture(picture: StoredPicture) -> NDArray[np.uint8]:
    """(h, w, 3) RGB, upright, since boxes are annotated on upright pictures.

    Raises:
        CocoError: it cannot be decoded, or has another size than the annotations say.
    """
    try:
        image = read_one_picture(picture.file)
    except StillError as error:
        raise unreadable(picture, error) from error
    check_size(picture, image.shape[1], image.shape[0])
    return image


def _without_brackets(name: str) -> str:
    """The name without bracketed parts, in linear time."""
    parts: list[str] = []
    at = 0
    while (opens := name.find("(", at)) >= 0 and (closes := name.find(")", opens)) >= 0:
        parts.append(name[at:opens])
        at = closes + 1
    return "".join(parts) + name[at:]


def _categories(file: CocoFile, *, lvis: bool) -> list[CocoCategory]:
    if not file.categories:
        raise CocoError(f"annotations {file.path} list no categories: there is nothing to ask for")
    categories: dict[int, CocoCategory] = {}
    for record in file.categories:
        number, name = record.whole("id"), record.text("name")
        if number in categories:
            raise record.error("this id stands twice: each category needs its own")
        if not re.search(r"\w", name):
            raise record.error(f"its name {name!r} has no words: write what to look for")
        frequency = record.text("frequency") if lvis else None
        if frequency is not None and frequency not in FREQUENCIES:
            raise record.error(f"its frequency is {frequency!r}: LVIS knows {', '.join(FREQUENCIES)}")
        categories[number] = CocoCategory(number, name, frequency)
    return list(categories.values())


def _federated(
    file: CocoFile, pictures: Mapping[int, CocoPicture], categories: Sequence[CocoCategory], boxes: Sequence[CocoBox]
) -> dict[int, CocoPicture]:
    """The pictures with their `exhaustive_for` applied. Objects in a crowd have no boxes of their own."""
    numbers = {one.name: one.number for one in categories}
    present: dict[int, set[int]] = {number: set() for number in pictures}
    crowded: dict[int, set[int]] = {number: set() for number in pictures}
    for box in boxes:
        (crowded if box.crowd else present)[box.picture].add(box.category)
    known: dict[int, CocoPicture] = {}
    for record in file.images:
        number = record.whole("id")
        absent, loose = known_categories(record, numbers, present[number] | crowded[number])
        known[number] = replace(pictures[number], absent=absent, not_exhaustive=loose)
    return known


def _headings(file: CocoFile) -> set[int]:
    """Categories that only group others, such as the first of Roboflow's exports; they have no objects."""
    above = {record.values.get("supercategory") for record in file.categories}
    used = {record.values.get("category_id") for record in file.annotations}
    return {
        record.whole("id")
        for record in file.categories
        if record.values.get("supercategory") == "none" and record.values.get("name") in above
    } - used


def _boxes(
    file: CocoFile, pictures: dict[int, CocoPicture], categories: set[int], *, lvis: bool, keep_odd_boxes: bool
) -> tuple[list[CocoBox], list[int]]:
    """Every annotation, and the picture of each odd box."""
    boxes: list[CocoBox] = []
    odd: list[tuple[CocoError, int]] = []
    for record in file.annotations:
        number, category = record.whole("image_id"), record.whole("category_id")
        if number not in pictures:
            raise record.error(f"its image {number} is not in the list of images")
        if category not in categories:
            raise record.error(f"its category {category} is not in the list of categories")
        if (fault := check_box(record, pictures[number])) is not None:
            odd.append((fault, number))
        box = record.box_xywh()
        area = record.number("area") if record.has("area") else box[2] * box[3]
        crowd = not lvis and record.has("iscrowd") and record.whole("iscrowd") == 1  # LVIS knows no crowds
        boxes.append(CocoBox(number, category, box, area, crowd))
    if odd and not keep_odd_boxes:
        raise refuse([fault for fault, _ in odd])
    return boxes, [number for _, number in odd]


def _place(record: Record, folder: Path) -> Path:
    """A picture's path: by `file_name`, or, as in LVIS, by the end of `coco_url`."""
    if record.has("file_name"):
        return folder / record.text("file_name")
    if not record.has("coco_url"):
        raise record.error("'file_name' is missing, which says where the picture lies")
    parts = urlsplit(record.text("coco_url")).path.split("/")
    split = folder / "/".join(parts[-2:])  # train2017 and val2017 beside each other
    return split if split.is_file() else folder / parts[-1]
