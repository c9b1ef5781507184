"""YOLO folders: `images/SPLIT/`, `labels/SPLIT/NAME.txt` and `data.yaml`, for detection and segmentation.

A line is a class number and, in 0..1 of the picture's sides, a box (centre x, centre y, width, height) or a polygon.
https://docs.ultralytics.com/datasets/detect and /datasets/segment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ..pictures.still_picture import StillError, is_picture_path, read_header
from .picture_set import SPLITS, LabelledBox, Outline, PictureSet, PictureSetError, SetPicture

_DIGITS = 9


def yolo_lines(picture: SetPicture, numbers: Mapping[str, int], *, polygons: bool) -> list[str]:
    """The lines of a picture's label file.

    Args:
        polygons: write the largest outline of each object that has one, else its box as a polygon.
    """
    lines: list[str] = []
    for box in picture.boxes:
        x1, y1, x2, y2 = box.box_xyxy
        if polygons:
            outline = max(box.polygons, key=_area, default=(x1, y1, x2, y1, x2, y2, x1, y2))
            values = [value / (picture.height if place % 2 else picture.width) for place, value in enumerate(outline)]
        else:
            values = [(x1 + x2) / 2 / picture.width, (y1 + y2) / 2 / picture.height]
            values += [(x2 - x1) / picture.width, (y2 - y1) / picture.height]
        lines.append(" ".join([str(numbers[box.name]), *(f"{min(1.0, max(0.0, one)):.{_DIGITS}g}" for one in values)]))
    return lines


def yolo_data_yaml(names: Sequence[str], splits: Sequence[str]) -> str:
    """The file `data.yaml`, which ultralytics wants to name a part to train and one to validate on."""
    train = "train" if "train" in splits else splits[0]
    parts = {"train": train, "val": "val" if "val" in splits else train}
    if "test" in splits:
        parts["test"] = "test"
    lines = ["path: .", *(f"{name}: images/{part}" for name, part in parts.items()), "names:"]
    return (
        "\n".join([*lines, *(f"  {n}: {json.dumps(name, ensure_ascii=False)}" for n, name in enumerate(names))]) + "\n"
    )


def read_yolo(folder: Path, names: Sequence[str], parts: Mapping[str, str]) -> PictureSet:
    """Read a folder. A picture without a label file is an empty one.

    Args:
        folder: of `data.yaml`.
        names: its classes, by their numbers.
        parts: the folder of pictures of each split, relative to `folder`.

    Raises:
        PictureSetError: a picture or a line cannot be read; the text names the file and the line.
    """
    pictures: list[SetPicture] = []
    seen: set[Path] = set()
    for split in SPLITS:
        where = folder / parts[split] if split in parts else None
        if where is None or where.resolve() in seen:
            continue
        if not where.is_dir():
            raise PictureSetError(f"{where} is no folder, which {folder}/data.yaml names for {split}")
        seen.add(where.resolve())
        files = sorted(path for path in where.rglob("*") if path.is_file() and is_picture_path(path))
        pictures += [_read_picture(folder, file, names, split) for file in files]
    if not pictures:
        raise PictureSetError(f"{folder} holds no pictures: name the folder of data.yaml")
    return PictureSet(tuple(names), folder, tuple(pictures))


def labels_of(picture: PurePosixPath) -> PurePosixPath:
    """Where a picture's labels lie: the last folder named `images` becomes `labels`, as ultralytics has it."""
    parts = list(picture.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return PurePosixPath(*parts).with_suffix(".txt")


def _read_picture(folder: Path, file: Path, names: Sequence[str], split: str) -> SetPicture:
    try:
        header = read_header(file)
    except StillError as error:
        raise PictureSetError(f"{file} cannot be read: {error}") from error
    inside = file.relative_to(folder)
    labels = folder / labels_of(PurePosixPath(inside.as_posix()))
    try:
        text = labels.read_text("utf-8") if labels.exists() else ""
    except (OSError, UnicodeError) as error:
        raise PictureSetError(f"{labels} cannot be read ({error})") from error
    boxes = [
        _read_line(line, f"{labels}, line {number}", names, (header.width, header.height))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    return SetPicture(inside.as_posix(), header.width, header.height, tuple(boxes), split)


def _read_line(line: str, where: str, names: Sequence[str], size: tuple[int, int]) -> LabelledBox:
    try:
        number, *values = (float(part) for part in line.split())
    except ValueError as error:
        raise PictureSetError(f"{where}: it must hold numbers alone") from error
    if number != int(number) or not 0 <= number < len(names):
        raise PictureSetError(f"{where}: class {number:g} is none of the {len(names)} of data.yaml")
    if not all(math.isfinite(value) and -0.01 <= value <= 1.01 for value in values):
        raise PictureSetError(f"{where}: coordinates must lie in 0..1 of the picture's sides")
    name, (width, height) = names[int(number)], size
    if len(values) == 4:
        x, y, wide, high = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        return LabelledBox(name, (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2))
    if len(values) < 6 or len(values) % 2:
        raise PictureSetError(f"{where}: a class number must be followed by a box or by a polygon of three points")
    outline: Outline = tuple(one * (height if place % 2 else width) for place, one in enumerate(values))
    xs, ys = outline[::2], outline[1::2]
    return LabelledBox(name, (min(xs), min(ys), max(xs), max(ys)), outlines=(outline,))


def _area(outline: Outline) -> float:
    xs, ys = outline[::2], outline[1::2]
    return abs(sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs)))) / 2
