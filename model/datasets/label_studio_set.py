"""Label Studio's tasks, written and read: boxes and polygons in percent of the picture's sides, masks as brushes.

Pictures that a person has checked have `annotations`, the others `predictions`, which Label Studio shows to start from.
https://labelstud.io/guide/task_format and /guide/export#Raw-JSON-format-of-completed-tasks.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree as ET

from ..masks.mask import Mask, mask_of, pixels_of
from ..pictures.still_picture import StillError, read_header
from .brush_rle import brush_pixels, brush_rle
from .coco_records import CocoError, Record
from .picture_set import SPLITS, STATES, LabelledBox, Outline, PictureSet, PictureSetError, SetPicture

TASKS = "tasks.json"
CONFIG = "label_config.xml"
_KINDS = {"rectanglelabels": "box", "polygonlabels": "polygon", "brushlabels": "brush", "ellipselabels": "ellipse"}
_NO_REGIONS = {"choices", "textarea", "rating", "number", "datetime", "taxonomy", "pairwise", "ranker", "labels"}
_UPLOADED = re.compile(r"^[0-9a-f]{8}-")


def label_studio_config(names: Sequence[str]) -> str:
    """The labelling interface: boxes, polygons and brushes of the classes."""
    root = ET.Element("View")
    ET.SubElement(root, "Image", name="image", value="$image", zoom="true")
    for kind, name in (("RectangleLabels", "box"), ("PolygonLabels", "polygon"), ("BrushLabels", "brush")):
        labels = ET.SubElement(root, kind, name=name, toName="image")
        for one in names:
            ET.SubElement(labels, "Label", value=one)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def label_studio_task(number: int, picture: SetPicture, place: str) -> dict[str, Any]:
    """One task.

    Args:
        place: of the picture, relative to Label Studio's root of local files.
    """
    data: dict[str, Any] = {"image": f"/data/local-files/?d={quote(place)}", "width": picture.width}
    data |= {"height": picture.height, "state": picture.state} | ({"split": picture.split} if picture.split else {})
    regions = [region for row, box in enumerate(picture.boxes) for region in _regions(f"{number}-{row}", box, picture)]
    if picture.state == "checked":
        return {"id": number, "data": data, "annotations": [{"result": regions, "was_cancelled": False}]}
    return {"id": number, "data": data, "predictions": [{"model_version": "groundcast", "result": regions}]}


def read_label_studio(path: Path, pictures: Path) -> PictureSet:
    """Read tasks as Label Studio exports them (JSON), or as they were written here.

    Of several annotations of one task the last counts, and a cancelled one rejects the picture. A task without
    annotations has what its last prediction found.

    Args:
        path: the file of tasks; the classes are those of `label_config.xml` beside it, else those that occur.
        pictures: the folder of the pictures, which are found by the end of their address.

    Raises:
        PictureSetError: something cannot be read; the text names the task.
    """
    try:
        content = cast("object", json.loads(path.read_text("utf-8")))
        if not isinstance(content, list) or not content:
            raise PictureSetError(f"{path} is no list of Label Studio's tasks: export the project as JSON")
        where = f"{path}, task {{}} (counted from 0)"
        tasks = [Record(where.format(row), _object(path, one)) for row, one in enumerate(cast("list[object]", content))]
        found = [_picture(task, pictures) for task in tasks]
        names = _config_names(path.with_name(CONFIG)) or sorted({box.name for one in found for box in one.boxes})
    except (OSError, ValueError) as error:
        if isinstance(error, PictureSetError):
            raise
        raise PictureSetError(str(error) if isinstance(error, CocoError) else f"{path}: {error}") from error
    unknown = {box.name for one in found for box in one.boxes} - set(names)
    return PictureSet((*names, *sorted(unknown)), pictures, tuple(found))


def _regions(key: str, box: LabelledBox, picture: SetPicture) -> Iterable[dict[str, Any]]:
    wide, high = picture.width / 100.0, picture.height / 100.0
    common: dict[str, Any] = {"to_name": "image", "original_width": picture.width, "original_height": picture.height}
    common |= {"image_rotation": 0} | ({} if box.score is None else {"score": box.score})
    common |= {"meta": {"text": ["crowd"]}} if box.crowd else {}

    def region(part: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        values = {**value, kind: [box.name]}
        return {"id": f"{key}{part}", "from_name": _KINDS[kind], "type": kind, "value": values, **common}

    if box.mask is not None:
        yield region("", "brushlabels", {"format": "rle", "rle": brush_rle(pixels_of(box.mask))})
        return
    for row, outline in enumerate(box.outlines):
        points = [[x / wide, y / high] for x, y in zip(outline[::2], outline[1::2], strict=True)]
        yield region(f"-{row}", "polygonlabels", {"points": points, "closed": True})
    if not box.outlines:
        x1, y1, x2, y2 = box.box_xyxy
        sides = {"x": x1 / wide, "y": y1 / high, "width": (x2 - x1) / wide, "height": (y2 - y1) / high, "rotation": 0}
        yield region("", "rectanglelabels", sides)


def _object(path: Path, one: object) -> Mapping[str, object]:
    if not isinstance(one, dict) or "data" not in one:
        raise PictureSetError(f"{path} has a task without data: export the project as JSON, not as JSON-MIN")
    return cast("Mapping[str, object]", one)


def _picture(task: Record, pictures: Path) -> SetPicture:
    data = task.part("data")
    texts = [value for value in (data.values.get("image"), *data.values.values()) if isinstance(value, str)]
    if not texts:
        raise task.error("its data name no picture")
    file = _file_of(texts[0], pictures)
    annotations = task.parts("annotations") if task.values.get("annotations") else []
    predictions = task.parts("predictions") if task.values.get("predictions") else []
    last = max(annotations, key=lambda one: str(one.values.get("updated_at") or ""), default=None)
    if annotations and not any(one.has("updated_at") for one in annotations):
        last = annotations[-1]
    chosen = last or (predictions[-1] if predictions else None)
    results = chosen.parts("result") if chosen is not None and chosen.values.get("result") else []
    width, height = _size(data, results, pictures / file)
    boxes = [box for one in results if (box := _box(one, width, height)) is not None]
    state = "new" if last is None else "rejected" if last.values.get("was_cancelled") is True else "checked"
    if last is None and data.values.get("state") in STATES:
        state = str(data.values["state"])
    split = str(data.values["split"]) if data.values.get("split") in SPLITS else None
    return SetPicture(file, width, height, tuple(boxes), split, state)


def _size(data: Record, results: Sequence[Record], path: Path) -> tuple[int, int]:
    for one in results:
        if one.has("original_width") and one.has("original_height"):
            return one.whole("original_width"), one.whole("original_height")
    if data.has("width") and data.has("height"):
        return data.whole("width"), data.whole("height")
    try:
        header = read_header(path)
    except StillError as error:
        raise data.error(
            f"the size of {path} is not known ({error}): name the pictures' folder with --pictures"
        ) from error
    return header.width, header.height


def _box(one: Record, width: int, height: int) -> LabelledBox | None:
    kind = one.text("type")
    if kind in _NO_REGIONS or kind == "relation":
        return None
    if kind not in _KINDS:
        raise one.error(f"a region of the type {kind!r} is not read: only boxes, ellipses, polygons and brushes are")
    value = one.part("value")
    name = value.texts(kind)[0]
    score = one.number("score") if one.has("score") else None
    meta = one.values.get("meta")
    crowd = isinstance(meta, dict) and cast("dict[str, object]", meta).get("text") == ["crowd"]
    if kind == "brushlabels":
        mask = _brush(value, (height, width))
        return None if mask is None else LabelledBox(name, mask.box_xyxy, score, crowd, mask=mask)
    if kind == "polygonlabels":
        outline = _outline(value, width, height)
        xs, ys = outline[::2], outline[1::2]
        return LabelledBox(name, (min(xs), min(ys), max(xs), max(ys)), score, crowd, (outline,))
    return LabelledBox(name, _corners(value, kind, width, height), score, crowd)


def _brush(value: Record, size_hw: tuple[int, int]) -> Mask | None:
    stored = value.wholes("rle")
    try:
        return mask_of(brush_pixels(stored, size_hw), 1.0)
    except ValueError as error:
        raise value.error(str(error)) from error


def _outline(value: Record, width: int, height: int) -> Outline:
    points = cast("list[object]", value.values.get("points")) if isinstance(value.values.get("points"), list) else []
    pairs = [cast("list[object]", one) for one in points if isinstance(one, list)]
    numbers = [float(side) for pair in pairs for side in pair if isinstance(side, int | float)]
    if len(numbers) < 6 or len(numbers) != 2 * len(points):
        raise value.error("a polygon must have at least three points x, y")
    return tuple(one * (height if place % 2 else width) / 100.0 for place, one in enumerate(numbers))


def _corners(value: Record, kind: str, width: int, height: int) -> tuple[float, float, float, float]:
    """The upright box around a box or an ellipse. Both turn about their own origin: a corner, the centre."""
    wide, high = width / 100.0, height / 100.0
    x, y = value.number("x") * wide, value.number("y") * high
    turn = math.radians(value.number("rotation") if value.has("rotation") else 0.0)
    cos, sin = math.cos(turn), math.sin(turn)
    if kind == "ellipselabels":
        rx, ry = value.number("radiusX") * wide, value.number("radiusY") * high
        half_x, half_y = math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)
        return x - half_x, y - half_y, x + half_x, y + half_y
    w, h = value.number("width") * wide, value.number("height") * high
    if turn == 0.0:
        return x, y, x + w, y + h
    xs = [x + across * cos - down * sin for across in (0.0, w) for down in (0.0, h)]
    ys = [y + across * sin + down * cos for across in (0.0, w) for down in (0.0, h)]
    return min(xs), min(ys), max(xs), max(ys)


def _file_of(address: str, pictures: Path) -> str:
    """The longest end of an address that is a file in the folder; else the name alone."""
    found = urlsplit(address)
    local = parse_qs(found.query).get("d") if "local-files" in found.path else None
    parts = [
        part for part in PurePosixPath(local[0] if local else unquote(found.path)).parts if part not in ("/", "..")
    ]
    tails = ["/".join(parts[first:]) for first in range(len(parts))]
    bare = _UPLOADED.sub("", parts[-1]) if parts else "?"
    return next((tail for tail in [*tails, bare] if (pictures / tail).is_file()), bare)


def _config_names(path: Path) -> list[str]:
    if not path.exists():
        return []
    text = path.read_text("utf-8")
    if "<!DOCTYPE" in text:
        raise PictureSetError(f"{path} has a document type, which labelling interfaces have not")
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise PictureSetError(f"{path} cannot be read ({error})") from error
    return list(dict.fromkeys(one.get("value", "") for one in root.iter("Label") if one.get("value")))
