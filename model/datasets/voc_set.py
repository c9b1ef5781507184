"""Pascal VOC folders: `JPEGImages/`, `Annotations/NAME.xml` and `ImageSets/Main/SPLIT.txt`.

Corners are whole pixels counted from 1, and both belong to the box:
http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

from .picture_set import SPLITS, LabelledBox, PictureSet, PictureSetError, SetPicture

_MAX_BYTES = 16 * 2**20


def voc_xml(picture: SetPicture) -> str:
    """A picture's annotation file. A crowd is marked `difficult`, and a score stands in a field of its own."""
    root = ET.Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", picture.file)
    size = ET.SubElement(root, "size")
    for name, value in (("width", picture.width), ("height", picture.height), ("depth", 3)):
        _add(size, name, value)
    _add(root, "segmented", 0)
    for box in picture.boxes:
        one = ET.SubElement(root, "object")
        _add(one, "name", box.name)
        x1, y1, x2, y2 = (round(side) for side in box.box_xyxy)
        is_cut = x1 <= 0 or y1 <= 0 or x2 >= picture.width or y2 >= picture.height
        _add(one, "pose", "Unspecified")
        _add(one, "truncated", int(is_cut))
        _add(one, "difficult", int(box.crowd))
        if box.score is not None:
            _add(one, "score", box.score)
        corners = ET.SubElement(one, "bndbox")
        for name, value in (("xmin", x1 + 1), ("ymin", y1 + 1), ("xmax", max(x2, x1 + 1)), ("ymax", max(y2, y1 + 1))):
            _add(corners, name, value)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def read_voc(folder: Path) -> PictureSet:
    """Read a folder. The classes are those that occur, in the order of their names.

    Raises:
        PictureSetError: an annotation cannot be read; the text names the file.
    """
    pictures_at = folder / "JPEGImages"
    files = sorted((folder / "Annotations").glob("*.xml"))
    if not files:
        raise PictureSetError(f"{folder}/Annotations holds no .xml: name a folder in the format of Pascal VOC")
    split_of = _splits(folder)
    pictures = tuple(_read_picture(file, split_of.get(file.stem)) for file in files)
    names = sorted({box.name for picture in pictures for box in picture.boxes})
    return PictureSet(tuple(names), pictures_at, pictures)


def _splits(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for split in SPLITS:
        path = folder / "ImageSets" / "Main" / f"{split}.txt"
        if path.exists():
            stems = (line.strip() for line in path.read_text("utf-8").splitlines())
            found.update({stem: split for stem in stems if stem})
    return found


def _read_picture(file: Path, split: str | None) -> SetPicture:
    try:
        text = file.read_text("utf-8")
        if len(text) > _MAX_BYTES or "<!DOCTYPE" in text:
            raise PictureSetError(f"{file} is too long, or has a document type, which annotations have not")
        root = ET.fromstring(text)
    except (OSError, UnicodeError, ET.ParseError) as error:
        raise PictureSetError(f"{file} cannot be read ({error})") from error
    try:
        name = _text(root, "filename")
        width, height = (int(float(_text(root, f"size/{side}"))) for side in ("width", "height"))
        boxes = tuple(_read_box(one) for one in root.findall("object"))
    except (KeyError, ValueError) as error:
        raise PictureSetError(f"{file}: {error}") from error
    return SetPicture(name, width, height, boxes, split)


def _read_box(one: ET.Element) -> LabelledBox:
    x1, y1, x2, y2 = (float(_text(one, f"bndbox/{corner}")) for corner in ("xmin", "ymin", "xmax", "ymax"))
    if not (x2 >= x1 and y2 >= y1):
        raise ValueError(f"a box of {_text(one, 'name')!r} has no area")
    score = one.findtext("score")
    crowd = one.findtext("difficult") == "1"
    return LabelledBox(_text(one, "name"), (x1 - 1, y1 - 1, x2, y2), None if score is None else float(score), crowd)


def _text(element: ET.Element, path: str) -> str:
    found = element.findtext(path)
    if found is None or not found.strip():
        raise ValueError(f"<{path}> is missing")
    return found.strip()


def _add(parent: ET.Element, name: str, value: object) -> None:
    ET.SubElement(parent, name).text = str(value)
