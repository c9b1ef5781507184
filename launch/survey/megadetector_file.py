"""MegaDetector's results file, format version 1.6, which Timelapse, AddaxAI and others read.

Format: https://lila.science/megadetector-output-format
"""

from __future__ import annotations

import json
from typing import IO, Any

from .entry import FileEntry, FoundBox, FrameEntry
from .survey_results import SurveyResults

_FORMAT_VERSION = "1.6"
_DIGITS = 6  # of a coordinate in 0..1: a fiftieth of a pixel in a picture of 20,000 px


def write_megadetector(results: SurveyResults, file: IO[str]) -> None:
    """Write one entry for each file, also for empty ones and those that could not be read.

    It holds no time of its own, so that the same results give the same bytes.
    """
    ids = {name: str(number) for name, number in results.category_ids.items()}
    info: dict[str, Any] = {"format_version": _FORMAT_VERSION, "detector": results.model}
    if results.threshold is not None:
        threshold = results.threshold
        info["detector_metadata"] = {
            "typical_detection_threshold": threshold,
            "conservative_detection_threshold": threshold,
        }
    head = {"info": info, "detection_categories": {number: name for name, number in ids.items()}}
    file.write(json.dumps(head, indent=1)[:-2] + ',\n "images": [')
    for number, entry in enumerate(results.entries()):
        file.write(",\n  " if number else "\n  ")
        json.dump(_image(entry, results.name_of(entry.path), ids), file)
    file.write("\n ]\n}\n")


def _image(entry: FileEntry, name: str, ids: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {"file": name}
    if entry.taken is not None:
        values["datetime"] = entry.taken.replace("-", ":")  # as EXIF writes it, which MegaDetector keeps
    if entry.frames:
        values |= {"width": entry.frames[0].width, "height": entry.frames[0].height}
    if entry.is_clip:
        values["frame_rate"] = entry.rate_hz or 0.0
        values["frames_processed"] = [frame.index for frame in entry.frames]
    if entry.frames:
        numbered = entry.is_clip or len(entry.frames) > 1
        values["detections"] = [
            _detection(box, frame, ids, numbered=numbered) for frame in entry.frames for box in frame.boxes
        ]
        if entry.failure is not None:  # the format has no failure beside detections
            values["warning"] = entry.failure
    else:
        values |= {"failure": entry.failure, "detections": None if entry.failure else []}
    return values


def _detection(box: FoundBox, frame: FrameEntry, ids: dict[str, str], *, numbered: bool) -> dict[str, Any]:
    x1, y1, x2, y2 = box.box_xyxy
    wide, high = frame.width, frame.height
    values: dict[str, Any] = {
        "category": ids[box.label],
        "conf": float(box.score),
        "bbox": [round(value, _DIGITS) for value in (x1 / wide, y1 / high, (x2 - x1) / wide, (y2 - y1) / high)],
    }
    if numbered:
        values["frame_number"] = frame.index
    return values
