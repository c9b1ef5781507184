"""ODVG data sets: lines of JSON, one per picture, the format of the published trainings.

A line holds `filename`, `height`, `width`, and either `detection` (`instances`, each with `bbox` as left, top, right,
bottom in px, and `category` or a `label` of the label map) or `grounding` (`regions`, each with one or several `bbox`
and one or several `phrase`).
Source: https://github.com/open-mmlab/mmdetection/blob/main/configs/mm_grounding_dino/dataset_prepare.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

import numpy as np

from ..prompt import PromptError
from .coco_data import box_fault, cut_to_picture
from .coco_records import CocoError, Record
from .labelled import LabelledData, LabelledPicture, WordingRows
from .picture_check import check_stored


def read_odvg(
    lines: Path,
    folder: Path,
    label_map: Path | None = None,
    *,
    keep_odd_boxes: bool = False,
    on_records: Callable[[int, int], None] = lambda annotations, pictures: None,
) -> LabelledData:
    """Read and check all lines, and check that every picture exists.

    In `detection` lines every name of the label map without an instance is absent; in `grounding` lines no name is
    known to be absent.

    Args:
        lines: the file, one JSON object a line.
        folder: what `filename` is relative to.
        label_map: a JSON object from labels to names.
        keep_odd_boxes: keep boxes that have no area or leave their picture, cut to it, instead of refusing them.
        on_records: called with the numbers of boxes and pictures, before the pictures are checked.

    Raises:
        CocoError: something does not fit; the text names the file and the line.
    """
    names = {} if label_map is None else _label_map(label_map)
    reader = _Reader(folder, names, keep_odd_boxes=keep_odd_boxes)
    digest = hashlib.sha256()
    try:
        with lines.open("rb") as file:
            for number, line in enumerate(file, 1):
                digest.update(line)
                if line.strip():
                    reader.add(_parsed(line, f"{lines}, line {number}"))
    except OSError as error:
        raise CocoError(f"annotations {lines} cannot be read ({error.strerror}): name a file of JSON lines") from error
    on_records(*reader.counts)
    return reader.finish(lines, digest.hexdigest())


class _Reader:
    """Collects the pictures line by line."""

    def __init__(self, folder: Path, names: Mapping[str, str], *, keep_odd_boxes: bool) -> None:
        self._folder, self._names, self._keep = folder, names, keep_odd_boxes
        self._wordings = WordingRows()
        self._of_map = tuple(self._wordings.row(name) for name in names.values())
        self._pictures: dict[str, LabelledPicture] = {}
        self._odd: list[CocoError] = []

    def add(self, line: Record) -> None:
        width, height = line.whole("width"), line.whole("height")
        if width < 1 or height < 1:
            raise line.error(f"its size is {width}x{height}: both sides must be at least 1 px")
        boxes: list[tuple[float, ...]] = []
        answers: list[tuple[int, ...]] = []
        for object_, phrases in self._objects(line):
            for box in object_.boxes_xyxy():
                left, top, right, bottom = box
                if fault := box_fault((left, top, right - left, bottom - top), width, height):
                    self._odd.append(object_.error(fault))
                if (inside := cut_to_picture(box, width, height)) is not None:
                    boxes.append(inside)
                    answers.append(tuple(self._row(object_, phrase) for phrase in phrases))
        absent = () if line.has("grounding") else self._of_map
        file = self._folder / line.text("filename")
        corners = np.array(boxes, np.float32).reshape(-1, 4)
        self._pictures[line.where] = LabelledPicture(file, width, height, corners, tuple(answers), absent=absent)

    @property
    def counts(self) -> tuple[int, int]:
        """The numbers of boxes and pictures so far."""
        return sum(len(picture.boxes_xyxy) for picture in self._pictures.values()), len(self._pictures)

    def finish(self, lines: Path, sha256: str) -> LabelledData:
        if not self._pictures:
            raise CocoError(f"annotations {lines} hold no lines: name another file")
        if self._odd and not self._keep:
            raise CocoError(
                f"{self._odd[0]}; boxes like that: {len(self._odd)}; mend them, or keep what lies in their pictures: "
                "--keep-odd-boxes"
            )
        if not any(len(picture.boxes_xyxy) for picture in self._pictures.values()):
            raise CocoError(f"annotations {lines} hold no boxes: there is nothing to learn")
        turned = check_stored(self._pictures, self._folder)
        return LabelledData(lines, sha256, tuple(self._pictures.values()), self._wordings.all, turned)

    def _objects(self, line: Record) -> Iterator[tuple[Record, tuple[str, ...]]]:
        if line.has("detection") == line.has("grounding"):
            raise line.error("it must hold either 'detection' or 'grounding'")
        if line.has("grounding"):
            for region in line.part("grounding").parts("regions"):
                yield region, region.texts("phrase")
        else:
            for instance in line.part("detection").parts("instances"):
                yield instance, (self._name(instance),)

    def _name(self, instance: Record) -> str:
        if instance.has("category"):
            return instance.text("category")
        label = str(instance.whole("label"))
        if label not in self._names:
            raise instance.error(f"its label {label} is not in the label map, and it has no 'category'")
        return self._names[label]

    def _row(self, object_: Record, phrase: str) -> int:
        try:
            return self._wordings.row(phrase)
        except PromptError as error:
            raise object_.error(str(error)) from error


def _parsed(line: bytes, where: str) -> Record:
    try:
        values = cast("object", json.loads(line))
    except ValueError as error:
        raise CocoError(f"{where}: it is not JSON ({error}): export the file again") from error
    if not isinstance(values, dict):
        raise CocoError(f"{where}: it must be an object with fields")
    return Record(where, cast("dict[str, object]", values))


def _label_map(path: Path) -> dict[str, str]:
    try:
        values = cast("object", json.loads(path.read_bytes()))
    except OSError as error:
        raise CocoError(f"label map {path} cannot be read ({error.strerror}): name a JSON file") from error
    except ValueError as error:
        raise CocoError(f"label map {path} is not JSON ({error}): name the file that maps labels to names") from error
    if not isinstance(values, dict):
        raise CocoError(f"label map {path} must be an object that maps labels to names")
    record = Record(str(path), cast("dict[str, object]", values))
    return {label: record.text(label) for label in record.values}
