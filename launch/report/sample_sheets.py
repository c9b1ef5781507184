"""Sample sheets: pictures of a data set, their labels on the left beside what was found on the right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..show.draw import Drawn, Picture, draw, save

if TYPE_CHECKING:
    from ...model.datasets.coco_data import CocoData, CocoPicture
    from ...model.evaluation.average_precision import SceneDetections

_SHEETS, _ROWS = 3, 4
_CELL_HW = (300, 420)
_TITLE_PX = 26
_MARGIN_PX = 4


def write_samples(data: CocoData, detections: Mapping[int, SceneDetections], score: float, folder: Path) -> list[Path]:
    """Write `samples_1.jpg` and so on, from pictures with objects, spread evenly over the set.

    Args:
        data: pictures and labels.
        detections: of each picture by its number.
        score: the least of a box that is drawn.
        folder: where they go; sheets that were there and are not written again are deleted.

    Returns:
        The sheets.

    Raises:
        RunError: a sheet cannot be written.
        CocoError: a picture cannot be read.
    """
    labels = _labels(data)
    shown = [picture for picture in data.pictures if labels[picture.number]]
    count = min(len(shown), _SHEETS * _ROWS)
    chosen = [shown[row * (len(shown) - 1) // max(count - 1, 1)] for row in range(count)]
    names = {one.number: one.name for one in data.categories}
    sheets: list[Path] = []
    for old in folder.glob("samples_?.jpg"):
        old.unlink()
    for first in range(0, count, _ROWS):
        rows = [_title(f"labels | found, score {score:.2f} or more")]
        rows += [
            _pair(picture, labels[picture.number], _boxes(detections[picture.number], names, score))
            for picture in chosen[first : first + _ROWS]
        ]
        path = folder / f"samples_{len(sheets) + 1}.jpg"
        save(np.concatenate(rows), path)
        sheets.append(path)
    return sheets


def _labels(data: CocoData) -> defaultdict[int, list[Drawn]]:
    names = {one.number: one.name for one in data.categories}
    labels: defaultdict[int, list[Drawn]] = defaultdict(list)
    for box in data.boxes:
        if box.category in names and not box.crowd:
            x, y, width, height = box.box_xywh
            name = names[box.category]
            labels[box.picture].append(Drawn((x, y, x + width, y + height), name, name))
    return labels


def _boxes(found: SceneDetections, names: Mapping[int, str], score: float) -> list[Drawn]:
    drawn: list[Drawn] = []
    for row in np.flatnonzero(found.scores >= score).tolist():
        x1, y1, x2, y2 = (float(side) for side in found.boxes_xyxy[row])
        name, own = names[int(found.categories[row])], float(found.scores[row])
        drawn.append(Drawn((x1, y1, x2, y2), name, f"{name} {own:.2f}", score=own))
    return drawn


def _pair(picture: CocoPicture, labels: Sequence[Drawn], found: Sequence[Drawn]) -> Picture:
    from ...model.datasets.coco_data import read_picture

    image = read_picture(picture)
    return np.concatenate([picture_cell(image, labels), picture_cell(image, found)], 1)


def picture_cell(image: Picture, boxes: Sequence[Drawn]) -> Picture:
    """The picture with its boxes, as large as fits, on white."""
    high, wide = (side - 2 * _MARGIN_PX for side in _CELL_HW)
    scale = min(high / image.shape[0], wide / image.shape[1])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    moved = [
        Drawn((x1 * scale, y1 * scale, x2 * scale, y2 * scale), box.phrase, box.text, score=box.score)
        for box in boxes
        for x1, y1, x2, y2 in [box.box_xyxy]
    ]
    cell = np.full((*_CELL_HW, 3), 255, np.uint8)
    top, left = (_CELL_HW[0] - size[1]) // 2, (_CELL_HW[1] - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = draw(small, moved)
    return cell


def _title(text: str) -> Picture:
    strip = np.full((_TITLE_PX, 2 * _CELL_HW[1], 3), 255, np.uint8)
    for part, left in zip(text.split(" | "), (_MARGIN_PX, _CELL_HW[1] + _MARGIN_PX), strict=True):
        cv2.putText(strip, part, (left, _TITLE_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
