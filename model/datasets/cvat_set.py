"""CVAT's annotations for images (version 1.1), written and read: `annotations.xml` beside a folder of pictures.

A mask is a list of run lengths, row by row within its own box, that begins with pixels that are not the object.
Polygons of one group and class are one object. https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from ..masks.mask import Mask, pixels_of, window_mask
from .picture_set import SPLITS, LabelledBox, Outline, PictureSet, PictureSetError, SetPicture

ANNOTATIONS = "annotations.xml"
_MAX_BYTES = 2**30
_ATTRIBUTES = ("score", "crowd")
_SUBSETS = {"Train": "train", "Validation": "val", "Test": "test", **{split: split for split in SPLITS}}


def cvat_xml(names: Sequence[str], pictures: Iterable[SetPicture]) -> str:
    """The content of `annotations.xml`. Scores and crowds are attributes of the shapes."""
    root = ET.Element("annotations")
    ET.SubElement(root, "version").text = "1.1"
    labels = ET.SubElement(ET.SubElement(ET.SubElement(root, "meta"), "task"), "labels")
    for name in names:
        label = ET.SubElement(labels, "label")
        ET.SubElement(label, "name").text = name
        attributes = ET.SubElement(label, "attributes")
        for attribute in _ATTRIBUTES:
            one = ET.SubElement(attributes, "attribute")
            fields = (("name", attribute), ("mutable", "False"), ("input_type", "text"), ("default_value", ""))
            for field, value in (*fields, ("values", "")):
                ET.SubElement(one, field).text = value
    for number, picture in enumerate(pictures):
        size = {"width": str(picture.width), "height": str(picture.height)}
        subset = {"subset": picture.split} if picture.split else {}
        image = ET.SubElement(root, "image", {"id": str(number), "name": picture.file, **subset, **size})
        for group, box in enumerate(picture.boxes, 1):
            _add_shapes(image, box, group)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def read_cvat(path: Path, pictures: Path) -> PictureSet:
    """Read the annotations of a task or a project for images.

    Raises:
        PictureSetError: something cannot be read, or the file is of another kind; the text names the picture.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise PictureSetError(f"{path} is too long: it has more than {_MAX_BYTES} bytes")
        text = path.read_text("utf-8")
        if "<!DOCTYPE" in text:
            raise PictureSetError(f"{path} has a document type, which annotations have not")
        root = ET.fromstring(text)
    except (OSError, UnicodeError, ET.ParseError) as error:
        raise PictureSetError(f"{path} cannot be read ({error})") from error
    images = root.findall("image")
    if not images:
        raise PictureSetError(f"{path} has no <image>: export the task as 'CVAT for images 1.1'")
    found = tuple(_picture(path, image, pictures) for image in images)
    listed = [name.text or "" for name in root.findall("meta//labels/label/name")]
    used = sorted({box.name for one in found for box in one.boxes} - set(listed))
    return PictureSet((*dict.fromkeys(listed), *used), pictures, found)


def _add_shapes(image: ET.Element, box: LabelledBox, group: int) -> None:
    source = "manual" if box.score is None else "auto"
    common = {"label": box.name, "source": source, "occluded": "0", "z_order": "0"}
    shapes: list[ET.Element] = []
    if box.mask is not None:
        shapes.append(ET.SubElement(image, "mask", {**common, **_mask_fields(box.mask)}))
    for outline in box.outlines if box.mask is None else ():
        points = ";".join(f"{x!r},{y!r}" for x, y in zip(outline[::2], outline[1::2], strict=True))
        grouped = {"group_id": str(group)} if len(box.outlines) > 1 else {}
        shapes.append(ET.SubElement(image, "polygon", {**common, "points": points, **grouped}))
    if not shapes:
        corners = dict(zip(("xtl", "ytl", "xbr", "ybr"), map(repr, box.box_xyxy), strict=True))
        shapes.append(ET.SubElement(image, "box", {**common, **corners}))
    for shape in shapes:
        if box.score is not None:
            ET.SubElement(shape, "attribute", name="score").text = repr(box.score)
        if box.crowd:
            ET.SubElement(shape, "attribute", name="crowd").text = "true"


def _mask_fields(mask: Mask) -> dict[str, str]:
    left, top, right, bottom = (round(side) for side in mask.box_xyxy)
    inside = pixels_of(mask)[top:bottom, left:right].ravel()
    edges = np.flatnonzero(np.diff(inside.astype(np.int8))) + 1
    runs = np.diff([0, *edges.tolist(), len(inside)]).tolist()
    counts = runs if not inside[0] else [0, *runs]
    fields = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return {"rle": ", ".join(map(str, counts)), **{name: str(value) for name, value in fields.items()}}


def _picture(path: Path, image: ET.Element, pictures: Path) -> SetPicture:
    name = image.get("name", "")
    try:
        if not name:
            raise ValueError("an image has no name")
        width, height = int(image.attrib["width"]), int(image.attrib["height"])
        boxes: list[LabelledBox] = []
        groups: dict[tuple[str, str], int] = {}
        for shape in image:
            if shape.tag == "tag":
                continue
            box = _box(shape, (height, width))
            key = (shape.get("group_id", "0"), box.name)
            if shape.tag == "polygon" and key[0] != "0":
                if key in groups:
                    boxes[groups[key]] = _joined(boxes[groups[key]], box)
                    continue
                groups[key] = len(boxes)
            boxes.append(box)
    except (KeyError, ValueError) as error:
        said = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise PictureSetError(f"{path}, image {name!r}: {said}") from error
    subset = image.get("subset", "")
    places = (name, f"{subset}/{name}", f"default/{name}")
    file = next((one for one in places if (pictures / one).is_file()), name)
    return SetPicture(file, width, height, tuple(boxes), _SUBSETS.get(subset))


def _box(shape: ET.Element, size_hw: tuple[int, int]) -> LabelledBox:
    name = shape.attrib["label"]
    attributes = {one.get("name"): (one.text or "").strip() for one in shape.findall("attribute")}
    score = float(attributes["score"]) if attributes.get("score") else None
    crowd = attributes.get("crowd") == "true"
    match shape.tag:
        case "box":
            x1, y1, x2, y2 = (float(shape.attrib[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
            corners = _turned((x1, y1, x2, y2), float(shape.get("rotation", "0")))
            return LabelledBox(name, corners, score, crowd)
        case "polygon":
            outline: Outline = tuple(
                float(side) for pair in shape.attrib["points"].split(";") for side in pair.split(",")
            )
            if len(outline) < 6 or len(outline) % 2:
                raise ValueError("a polygon has fewer than three points")
            return LabelledBox(name, _around([outline]), score, crowd, (outline,))
        case "ellipse":
            cx, cy, rx, ry = (float(shape.attrib[side]) for side in ("cx", "cy", "rx", "ry"))
            turn = np.radians(float(shape.get("rotation", "0")))
            half_x = float(np.hypot(rx * np.cos(turn), ry * np.sin(turn)))
            half_y = float(np.hypot(rx * np.sin(turn), ry * np.cos(turn)))
            return LabelledBox(name, (cx - half_x, cy - half_y, cx + half_x, cy + half_y), score, crowd)
        case "mask":
            mask = _mask(shape, size_hw)
            return LabelledBox(name, mask.box_xyxy, score, crowd, mask=mask)
        case _:
            raise ValueError(f"a <{shape.tag}> is not read: only boxes, ellipses, polygons and masks are")


def _mask(shape: ET.Element, size_hw: tuple[int, int]) -> Mask:
    left, top, width, height = (int(float(shape.attrib[side])) for side in ("left", "top", "width", "height"))
    runs = [int(run) for run in shape.attrib["rle"].split(",")]
    is_inside = min(left, top, width - 1, height - 1) >= 0 and left + width <= size_hw[1] and top + height <= size_hw[0]
    if min(runs) < 0 or sum(runs) != width * height or not is_inside:
        raise ValueError("the run lengths of a mask do not fit its box")
    pixels: NDArray[np.bool_] = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    mask = window_mask(pixels, (left, top), size_hw, 1.0)
    if mask is None:
        raise ValueError("a mask has no pixel")
    return mask


def _joined(first: LabelledBox, second: LabelledBox) -> LabelledBox:
    outlines = (*first.outlines, *second.outlines)
    return LabelledBox(first.name, _around(outlines), first.score, first.crowd, outlines)


def _around(outlines: Iterable[Outline]) -> tuple[float, float, float, float]:
    whole = [value for outline in outlines for value in outline]
    return min(whole[::2]), min(whole[1::2]), max(whole[::2]), max(whole[1::2])


def _turned(box: tuple[float, float, float, float], degrees: float) -> tuple[float, float, float, float]:
    """The upright box around one that is turned about its centre."""
    if degrees == 0.0:
        return box
    x1, y1, x2, y2 = box
    cos, sin = abs(float(np.cos(np.radians(degrees)))), abs(float(np.sin(np.radians(degrees))))
    wide, high = (x2 - x1) * cos + (y2 - y1) * sin, (x2 - x1) * sin + (y2 - y1) * cos
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    return cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2
