"""Count report: a page with the counts of each folder and the picture of each that shows most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...stream.source_url import path_of
from ..exits import RunError, say
from ..report.page import ReportPage, write_page
from ..report.sample_sheets import picture_cell
from ..show.draw import Drawn, Picture, save
from ..show.image_files import read_picture
from ..survey.entry import FileEntry
from .folder_counts import FolderCount

_MAX_ROWS, _MAX_PICTURES = 500, 24


def write_count_report(counts: Sequence[FolderCount], labels: Sequence[str], threshold: float, path: Path) -> None:
    """Write the page, in one file.

    Raises:
        RunError: it cannot be written.
    """
    if len(counts) > _MAX_ROWS:
        say(f"{path.name} shows the first {_MAX_ROWS} of {len(counts)} folders; counts.csv has all")
    shown = counts[:_MAX_ROWS]
    figures: dict[str, list[list[object]]] = {
        "Folders": [["folder", "files", *labels, "empty", "unread"], *(_row(one, labels) for one in shown)],
        "Classes": [["class", "objects", "files that show it", "most in one file"], *_class_rows(counts, labels)],
    }
    facts = {
        "files": sum(one.files for one in counts),
        "minimum score": threshold,
        "of a clip": "the most that one of its frames shows",
    }
    sheets: dict[str, list[Path]] = {}
    try:
        for number, one in enumerate(counts):
            if len(sheets) < _MAX_PICTURES and one.fullest is not None:
                cell = _cell_of(one.fullest, labels, threshold)
                if cell is not None:
                    sheet = path.with_name(f".fullest{number}.jpg")
                    sheets[f"{one.folder}: {Path(one.fullest.path).name}"] = [sheet]
                    save(cell, sheet)
        write_page(ReportPage("Counts by folder", figures, sheets, facts), path)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space, then run it again") from error
    finally:
        for files in sheets.values():
            files[0].unlink(missing_ok=True)


def _row(one: FolderCount, labels: Sequence[str]) -> list[object]:
    return [one.folder, one.files, *(one.objects[name] for name in labels), one.empty, one.unread]


def _class_rows(counts: Sequence[FolderCount], labels: Sequence[str]) -> list[list[object]]:
    return [
        [
            name,
            sum(one.objects[name] for one in counts),
            sum(one.files_with[name] for one in counts),
            max((one.most[name] for one in counts), default=0),
        ]
        for name in labels
    ]


def _cell_of(entry: FileEntry, labels: Sequence[str], threshold: float) -> Picture | None:
    """A picture with what was counted in it; None for a clip, and for a file that is no longer there."""
    if entry.is_clip or len(entry.frames) != 1:
        return None
    try:
        still = read_picture(path_of(entry.path))
    except RunError:
        return None
    scale = still.image.shape[1] / entry.frames[0].width
    boxes = [
        Drawn((x1 * scale, y1 * scale, x2 * scale, y2 * scale), box.label, box.label, score=box.score)
        for box in entry.frames[0].boxes
        if box.label in labels and box.score >= threshold
        for x1, y1, x2, y2 in [box.box_xyxy]
    ]
    return picture_cell(still.image, boxes)
