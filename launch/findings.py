"""What becomes of detections in pictures: lines, a file of lines, drawings."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model.detections import Detections
from ..stream.source_url import full_url
from .exits import InputError, writing
from .shots import Shot, is_picture

if TYPE_CHECKING:
    from .video_file import VideoFile


class Findings:
    """What becomes of detections: lines on standard output, and with a folder also a file of lines and drawings."""

    def __init__(self, out: Path | None, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._sheet = None
        if out is not None:
            with writing(sheet := out / "detections.jsonl"):
                self._sheet = sheet.open("w")
        self._videos: dict[str, VideoFile] = {}
        self._pictures = self._boxes = 0
        self._began_s = time.monotonic()

    def add(self, shot: Shot, found: Detections) -> None:
        self._pictures += 1
        self._boxes += len(found)
        values = _values(shot, found)
        print(json.dumps(values) if self._as_json else _line(values), flush=True)
        if self._sheet is not None:
            print(json.dumps(values), file=self._sheet)
        if self._out is not None:
            self._draw(self._out, shot, found)

    def _draw(self, out: Path, shot: Shot, found: Detections) -> None:
        """A picture becomes a picture, a clip a clip."""
        from .draw import draw, drawn_detections, save
        from .video_file import VideoFile

        scale = shot.image.shape[1] / shot.width
        drawn = replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))
        image, source = draw(shot.image, drawn_detections(drawn)), shot.source
        if is_picture(source):
            number = f"-{shot.index + 1}" if shot.pages > 1 else ""
            save(image, out / f"{source.name}{number}.png")
            return
        if source.name not in self._videos:
            self._videos[source.name] = VideoFile(out / f"{source.name}.mp4")
        self._videos[source.name].write(image, shot.time_s)

    def __enter__(self) -> Findings:
        return self

    def __exit__(self, *_: object) -> None:
        for video in self._videos.values():
            video.close()
        if self._sheet is not None:
            self._sheet.close()
            print(f"drawings and detections.jsonl are in {self._out}", file=sys.stderr)
        if self._as_json:
            seconds = round(time.monotonic() - self._began_s, 3)
            print(json.dumps({"pictures": self._pictures, "detections": self._boxes, "seconds": seconds}))


def make_folder(out: Path) -> None:
    """Make the folder that findings go to, before anything is looked for.

    Raises:
        InputError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {out} cannot be made ({error.strerror}): name another with --out") from error


def _values(shot: Shot, found: Detections) -> dict[str, Any]:
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).round(2).tolist()
    scores: list[float] = found.scores.astype(float).round(4).tolist()
    return {
        "source": full_url(shot.source.url),
        "frame": shot.index,
        "width": shot.width,
        "height": shot.height,
        "detections": [
            {
                "label": found.name(row),
                "confidence": scores[row],
                "bbox": dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
            }
            for row, box in enumerate(boxes)
        ],
    }


def _line(values: dict[str, Any]) -> str:
    found = ", ".join(
        f"{one['label']} {one['confidence']:.2f} at {' '.join(f'{side:.0f}' for side in one['bbox'].values())}"
        for one in values["detections"]
    )
    return f"{values['source']} {values['frame']}: {found or 'nothing found'}"
