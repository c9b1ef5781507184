"""Output of `groundcast detect`: lines, a JSON Lines file, drawings."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...model.detections import Detections
from ...stream.source_url import full_url
from ..exits import InputError, RunError, say, writing
from ..printable import printable
from .detection_rows import detection_rows
from .image_inputs import InputImage, Unread, is_picture
from .input_files import RESULTS

if TYPE_CHECKING:
    from ...model.masks.mask import Mask
    from ...stream.options import SourceOptions
    from .video_file import VideoFile


class DetectionOutput:
    """Writes detections as lines to standard output, and with a folder also as a JSON Lines file and drawings.

    Attributes:
        unread: how many files could not be read, or not to their end.

    Raises:
        RunError: (from all methods) the folder cannot be written; the disk may be full.
    """

    def __init__(self, out: Path | None, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._lines = None
        if out is not None:
            with writing(lines := out / RESULTS):
                self._lines = lines.open("wb", buffering=0)  # unbuffered, so that a crash loses no line
        self._drawings: set[str] = set()
        self._video: tuple[SourceOptions, str, VideoFile] | None = None  # the clip being drawn
        self._pictures = self._boxes = self.unread = 0
        self._began_s = time.monotonic()

    def add(self, shot: InputImage, found: Detections, masks: Sequence[Mask | None] | None = None) -> None:
        """Write the detections of one picture, and the mask of each if masks were looked for."""
        self._pictures += 1
        self._boxes += len(found)
        values = _values(shot, found, masks)
        if not self._as_json:
            print(_line(values), flush=True)
        if self._out is not None:
            values["drawing"] = self._draw(self._out, shot, found, masks)
        self._write(values)

    def add_unread(self, unread: Unread) -> None:
        """Report a file that could not be read."""
        self.unread += 1
        say(unread.reason)
        self._write({"source": full_url(unread.source.url), "error": unread.reason})

    def _write(self, values: dict[str, Any]) -> None:
        if self._as_json:
            print(json.dumps(values), flush=True)
        if self._lines is not None:
            line = json.dumps(values).encode() + b"\n"
            try:
                while line:
                    line = line[self._lines.write(line) :]
            except OSError as error:
                raise RunError(f"{self._lines.name} cannot be written ({error.strerror}): free some space") from error

    def _draw(self, out: Path, shot: InputImage, found: Detections, masks: Sequence[Mask | None] | None) -> str:
        """Draw a picture as a picture, a clip's frame into a clip. Returns the name of the file."""
        from .draw import draw, drawn_detections, save
        from .video_file import VideoFile

        scale = shot.image.shape[1] / shot.width
        drawn = replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))
        image, source = draw(shot.image, drawn_detections(drawn, masks)), shot.source
        if is_picture(source):
            number = f"-{shot.index + 1}" if shot.pages > 1 else ""
            name = self._free_name(f"{source.name}{number}", ".png")
            save(image, out / name)
            return name
        if self._video is None or self._video[0] != source:
            self._end_video()
            name = self._free_name(source.name, ".mp4")
            self._video = source, name, VideoFile(out / name)
        self._video[2].write(image, shot.time_s)
        return self._video[1]

    def _free_name(self, stem: str, suffix: str) -> str:
        """A file name that no drawing has yet, numbered where needed."""
        numbered = (f"{stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
        name = next(one for one in numbered if one not in self._drawings)
        self._drawings.add(name)
        return name

    def _end_video(self) -> None:
        if self._video is not None:
            self._video[2].close()
            self._video = None

    def __enter__(self) -> DetectionOutput:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._end_video()
        finally:
            if self._lines is not None:
                self._lines.close()
        if self._lines is not None:
            print(f"drawings and {RESULTS} are in {self._out}", file=sys.stderr)
        if self._as_json:
            seconds = round(time.monotonic() - self._began_s, 3)
            figures = {"pictures": self._pictures, "detections": self._boxes, "unread": self.unread}
            print(json.dumps({**figures, "seconds": seconds}))


def make_folder(out: Path, *, overwrite: bool) -> None:
    """Make the folder of results, before detection starts.

    Args:
        overwrite: whether it may hold the results of an earlier run.

    Raises:
        InputError: it cannot be made, or holds such results.
    """
    if not overwrite and (out / RESULTS).is_file() and (out / RESULTS).stat().st_size > 0:
        raise InputError(
            f"{out / RESULTS} already exists: name another folder with --out, or replace it with --overwrite"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {out} cannot be made ({error.strerror}): name another with --out") from error


def _values(shot: InputImage, found: Detections, masks: Sequence[Mask | None] | None) -> dict[str, Any]:
    rows = detection_rows(found)
    if masks is not None:
        for row, mask in zip(rows, masks, strict=True):
            row["mask"] = _mask_values(mask)
    return {
        "source": full_url(shot.source.url),
        "frame": shot.index,
        "width": shot.width,
        "height": shot.height,
        "detections": rows,
    }


def _mask_values(mask: Mask | None) -> dict[str, Any] | None:
    """A mask as pycocotools reads it, with its figures; None where an object has no mask."""
    if mask is None:
        return None
    rle = {"size": list(mask.size_hw), "counts": mask.counts.decode("ascii")}
    return {**rle, "area": mask.area_px, "quality": round(mask.quality, 4), "bbox": list(mask.box_xyxy)}


def _line(values: dict[str, Any]) -> str:
    found = ", ".join(
        f"{one['label']} {one['confidence']:.2f} at {' '.join(f'{side:.0f}' for side in one['bbox'].values())}"
        for one in values["detections"]
    )
    return printable(f"{values['source']} {values['frame']}: {found or 'nothing found'}")
