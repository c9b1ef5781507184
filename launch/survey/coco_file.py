"""COCO results of a survey: images, categories and annotations with scores.

Pictures that could not be read are marked `corrupt`, as in COCO Camera Traps; frames of a clip share its file name and
have a `frame_num`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from .entry import FileEntry, FrameEntry
from .survey_results import SurveyResults


def write_coco(results: SurveyResults, file: IO[str]) -> None:
    """Write one image for each picture and each frame, and one annotation for each detection."""
    ids = results.category_ids
    info = {"description": f"detections of {results.model}", "version": "1.0"}
    categories = [{"id": number, "name": name} for name, number in ids.items()]
    file.write(json.dumps({"info": info, "categories": categories}, indent=1)[:-2])
    for key, records in (("images", _images(results)), ("annotations", _annotations(results, ids))):
        file.write(f',\n "{key}": [')
        for number, record in enumerate(records):
            file.write(",\n  " if number else "\n  ")
            json.dump(record, file)
        file.write("\n ]")
    file.write("\n}\n")


def _pictures(results: SurveyResults) -> Iterator[tuple[int, FileEntry, FrameEntry | None]]:
    """Every picture with its number; a file without any has one, too."""
    number = 0
    for entry in results.entries():
        for frame in entry.frames or (None,):
            number += 1
            yield number, entry, frame


def _images(results: SurveyResults) -> Iterator[dict[str, Any]]:
    for number, entry, frame in _pictures(results):
        size = (frame.width, frame.height) if frame else (0, 0)
        image: dict[str, Any] = {"id": number, "file_name": results.name_of(entry.path)}
        image |= {"width": size[0], "height": size[1]}
        if entry.taken is not None:
            image["datetime"] = entry.taken
        if frame is not None and (entry.is_clip or len(entry.frames) > 1):
            image |= {"frame_num": frame.index, "seq_id": results.name_of(entry.path)}
        if frame is None:
            image |= {"corrupt": entry.failure is not None, "failure": entry.failure}
        yield image


def _annotations(results: SurveyResults, ids: dict[str, int]) -> Iterator[dict[str, Any]]:
    count = 0
    for number, _, frame in _pictures(results):
        for box in frame.boxes if frame else ():
            count += 1
            x1, y1, x2, y2 = box.box_xyxy
            wide, high = round(x2 - x1, 2), round(y2 - y1, 2)
            yield {
                "id": count,
                "image_id": number,
                "category_id": ids[box.label],
                "bbox": [x1, y1, wide, high],
                "area": round(wide * high, 2),
                "score": box.score,
                "iscrowd": 0,
            }
