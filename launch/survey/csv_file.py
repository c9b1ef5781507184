"""CSV of a survey: one row for each detection, and one for each file without any."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO

from .entry import FileEntry
from .survey_results import SurveyResults

COLUMNS = (
    *("file", "datetime", "frame", "time_s", "width", "height"),
    *("label", "confidence", "x1", "y1", "x2", "y2", "failure"),
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of a cell that a spreadsheet would compute


def write_csv(results: SurveyResults, file: IO[str]) -> None:
    """Write the rows, in UTF-8 with a header. Boxes are px of the original picture.

    A name that a spreadsheet would take for a formula begins with `./`.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in results.entries():
        name = name_cell(results.name_of(entry.path))
        writer.writerows((name, entry.taken or "", *row) for row in _rows(entry))


def name_cell(name: str) -> str:
    """A file's or folder's name, which no spreadsheet takes for a formula."""
    return f"./{name}" if name.startswith(_FORMULA_STARTS) else name


def label_cell(label: str) -> str:
    """A label, which no spreadsheet takes for a formula."""
    return f"'{label}" if label.startswith(_FORMULA_STARTS) else label


def _rows(entry: FileEntry) -> Iterator[tuple[object, ...]]:
    for frame in entry.frames:
        where = (frame.index, f"{frame.time_s:.3f}", frame.width, frame.height)
        for box in frame.boxes:
            sides = (f"{side:.2f}" for side in box.box_xyxy)
            yield (*where, label_cell(box.label), f"{box.score:.4f}", *sides, "")
    if entry.failure is not None or not entry.boxes:
        first = entry.frames[0] if entry.frames and entry.failure is None else None
        size = (first.width, first.height) if first else ("", "")
        yield ("", "", *size, "", "", "", "", "", "", entry.failure or "")
