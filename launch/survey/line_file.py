"""JSON Lines of a survey: one object for each picture or frame, as `groundcast detect --json` prints them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from ..show.detection_rows import detection_row
from .entry import FileEntry, FrameEntry
from .survey_results import SurveyResults


def write_lines(results: SurveyResults, file: IO[str]) -> None:
    """Write the lines. A file that could not be read, or not to its end, has a line with its `error`."""
    for entry in results.entries():
        for values in lines_of(entry):
            file.write(json.dumps(values) + "\n")


def lines_of(entry: FileEntry) -> Iterator[dict[str, Any]]:
    """The lines of one file."""
    for frame in entry.frames:
        yield frame_line(entry.path, frame)
    if entry.failure is not None:
        yield {"source": entry.path, "error": entry.failure}


def frame_line(path: str, frame: FrameEntry) -> dict[str, Any]:
    """The line of one picture."""
    return {
        "source": path,
        "frame": frame.index,
        "width": frame.width,
        "height": frame.height,
        "detections": [detection_row(box.label, box.score, box.box_xyxy) for box in frame.boxes],
    }
