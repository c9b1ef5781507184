"""Report of a data set: counts, sizes, what occurs together, the least certain boxes, and suspicious ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import median

import numpy as np

from ...model.datasets.picture_set import LabelledBox, PictureSet, SetPicture
from ..exits import RunError
from ..report.page import ReportPage, write_page
from ..report.sample_sheets import picture_cell
from ..show.draw import Drawn, Picture, save
from ..show.image_files import read_picture

_ROWS, _COLUMNS = 3, 3
_TINY_PX, _WHOLE_SHARE, _OVERLAP_IOU = 8.0, 0.9, 0.8
Placed = tuple[SetPicture, LabelledBox]


def write_set_report(labelled: PictureSet, path: Path, title: str) -> Path:
    """Write the page, in one file; returns it.

    Raises:
        RunError: it cannot be written, or a picture cannot be read.
    """
    suspicious = find_suspicious(labelled.pictures)
    figures = {
        "Classes": _class_rows(labelled),
        "Parts": [["part", "pictures", "boxes"], *_split_rows(labelled)],
        "Classes that occur together": [["classes", "pictures"], *_pair_rows(labelled)],
        "Suspicious": [["what", "boxes"], *([what, len(boxes)] for what, boxes in suspicious.items())],
    }
    scored = sorted(
        ((one, box) for one in labelled.pictures for box in one.boxes if box.score is not None),
        key=lambda pair: pair[1].score or 0.0,
    )
    wanted = {"The least certain boxes": scored, "The most certain boxes": scored[::-1]}
    wanted |= {what: boxes for what, boxes in suspicious.items() if boxes}
    sheets: dict[str, Sequence[Path]] = {}
    try:
        for number, (heading, boxes) in enumerate(wanted.items()):
            if boxes:
                sheet = path.with_name(f".sheet{number}.jpg")
                save(_sheet(labelled.folder, boxes[: _ROWS * _COLUMNS]), sheet)
                sheets[heading] = [sheet]
        facts = {"pictures": len(labelled.pictures), "boxes": labelled.boxes, "folder": labelled.folder.name}
        write_page(ReportPage(title, figures, sheets, facts), path)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space, then run it again") from error
    finally:
        for files in sheets.values():
            for file in files:
                file.unlink(missing_ok=True)
    return path


def find_suspicious(pictures: Sequence[SetPicture]) -> dict[str, list[Placed]]:
    """Boxes that a person should look at first, by what is odd about them."""
    found: dict[str, list[Placed]] = {
        f"Tiny: a side below {_TINY_PX:g} px": [],
        f"Nearly the whole picture: above {_WHOLE_SHARE:.0%}": [],
        f"Two classes in one place: IoU above {_OVERLAP_IOU:g}": [],
    }
    tiny, whole, double = found.values()
    for picture in pictures:
        for box in picture.boxes:
            x1, y1, x2, y2 = box.box_xyxy
            if min(x2 - x1, y2 - y1) < _TINY_PX:
                tiny.append((picture, box))
            if (x2 - x1) * (y2 - y1) > _WHOLE_SHARE * picture.width * picture.height:
                whole.append((picture, box))
        for one, other in combinations(picture.boxes, 2):
            if one.name != other.name and box_iou(one.box_xyxy, other.box_xyxy) > _OVERLAP_IOU:
                double.append((picture, min(one, other, key=lambda box: box.score or 0.0)))
    return found


def box_iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0.0, wide) * max(0.0, high)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / max(1e-9, sum(areas) - both)


def _class_rows(labelled: PictureSet) -> list[list[object]]:
    rows: list[list[object]] = [["class", "boxes", "pictures", "median side, px", "median score"]]
    for name in labelled.names:
        own = [box for one in labelled.pictures for box in one.boxes if box.name == name]
        sides = [((b.box_xyxy[2] - b.box_xyxy[0]) * (b.box_xyxy[3] - b.box_xyxy[1])) ** 0.5 for b in own]
        scores = [box.score for box in own if box.score is not None]
        pictures = sum(any(box.name == name for box in one.boxes) for one in labelled.pictures)
        row = [name, len(own), pictures, f"{median(sides):.0f}" if sides else "-"]
        rows.append([*row, f"{median(scores):.2f}" if scores else "-"])
    return rows


def _split_rows(labelled: PictureSet) -> list[list[object]]:
    rows: list[list[object]] = [
        [name, len(own), sum(len(one.boxes) for one in own)] for name, own in labelled.splits.items()
    ]
    empty = sum(not one.boxes for one in labelled.pictures)
    return [*rows, ["without boxes", empty, 0]]


def _pair_rows(labelled: PictureSet) -> list[list[object]]:
    counts: Counter[tuple[str, str]] = Counter()
    for one in labelled.pictures:
        counts.update(combinations(sorted({box.name for box in one.boxes}), 2))
    return [[f"{first}, {second}", count] for (first, second), count in counts.most_common(20)]


def _sheet(folder: Path, boxes: Sequence[Placed]) -> Picture:
    cells = [_cell_of(folder, *one) for one in boxes]
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % _COLUMNS)
    rows = [np.concatenate(cells[first : first + _COLUMNS], 1) for first in range(0, len(cells), _COLUMNS)]
    return np.concatenate(rows)


def _cell_of(folder: Path, picture: SetPicture, box: LabelledBox) -> Picture:
    still = read_picture(folder / picture.file)
    scale = still.image.shape[1] / picture.width
    x1, y1, x2, y2 = (side * scale for side in box.box_xyxy)
    text = box.name if box.score is None else f"{box.name} {box.score:.2f}"
    return picture_cell(still.image, [Drawn((x1, y1, x2, y2), box.name, text, score=box.score or 0.0)])
