"""Formats of a survey's results: the file of each, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from ..exits import InputError, RunError
from ..show.input_files import RESULTS
from .coco_file import write_coco
from .csv_file import write_csv
from .line_file import write_lines
from .megadetector_file import write_megadetector
from .survey_results import SurveyResults

Write = Callable[[SurveyResults, IO[str]], None]

FORMATS: dict[str, tuple[str, Write]] = {
    "megadetector": ("megadetector.json", write_megadetector),
    "csv": ("detections.csv", write_csv),
    "coco": ("coco.json", write_coco),
    "jsonl": (RESULTS, write_lines),
}


def check_formats(names: Sequence[str]) -> None:
    """Raise InputError for a format that is not known."""
    for name in names:
        if name not in FORMATS:
            raise InputError(f"--format {name} is not known: write {', '.join(FORMATS)}")


def write_formats(out: Path, names: Sequence[str], results: SurveyResults) -> list[Path]:
    """Write the results in these formats, each file as a whole or not at all; returns the files.

    Raises:
        RunError: the disk takes no more.
    """
    written: list[Path] = []
    for name in dict.fromkeys(names):
        file_name, write = FORMATS[name]
        path, part = out / file_name, out / f".{file_name}.part"
        try:
            # Bytes of a name that are no UTF-8 are written as \xNN.
            with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                write(results, file)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise RunError(
                f"{path} cannot be written ({error.strerror}): free some space, then run it again"
            ) from error
        written.append(path)
    return written
