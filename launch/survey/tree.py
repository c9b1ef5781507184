"""Drawings and crops of a survey, in folders of the same names as those of the pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...model.detections import Detections
from ..exits import RunError
from ..show.draw import draw, drawn_detections
from ..show.image_inputs import InputImage, is_picture
from ..show.video_file import VideoFile

_JPEG_SUFFIXES = frozenset({".jpe", ".jpeg", ".jfif", ".jpg"})
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 92]
_MARGIN = 0.1  # of a box's side, on each side of a crop
_NO_NAME = re.compile(r"[^\w-]+")
_MAX_LABEL = 40


class Tree:
    """Writes drawings below `drawings/` and crops below `crops/`. A picture that is done again replaces its files.

    Args:
        out: the folder of results.
        drawings, crops: whether to write them.

    Raises:
        RunError: (from all methods) the disk takes no more.
    """

    def __init__(self, out: Path, *, drawings: bool, crops: bool) -> None:
        self._out = out
        self._drawings, self._crops = drawings, crops
        self._video: tuple[str, VideoFile] | None = None  # the clip being drawn

    def add(self, name: str, shot: InputImage, found: Detections) -> None:
        """Draw and crop one picture.

        Args:
            name: of its file in the results.
            shot: the picture; it may be smaller than the original.
            found: in px of the original.
        """
        if not (self._drawings or self._crops):
            return
        scale = shot.image.shape[1] / shot.width
        shown = replace(found, boxes_xyxy=(found.boxes_xyxy * scale).astype(np.float32))
        if self._drawings:
            self._draw(name, shot, shown)
        if self._crops:
            self._crop(name, shot, shown)

    def end_file(self) -> None:
        """Finish the drawing of a clip."""
        if self._video is not None:
            video, self._video = self._video[1], None
            video.close()

    def _draw(self, name: str, shot: InputImage, shown: Detections) -> None:
        image = draw(shot.image, drawn_detections(shown))
        if is_picture(shot.source):
            self._save(image, f"drawings/{name}", _page(shot))
            return
        if self._video is None or self._video[0] != name:
            self.end_file()
            suffix = "" if name.lower().endswith(".mp4") else ".mp4"
            self._video = name, VideoFile(self._place(f"drawings/{name}{suffix}"))
        self._video[1].write(image, shot.time_s)

    def _crop(self, name: str, shot: InputImage, shown: Detections) -> None:
        high, wide = shot.image.shape[:2]
        frame = _page(shot) if is_picture(shot.source) else f"-{shot.index:06}"
        boxes: list[list[float]] = shown.boxes_xyxy.astype(float).tolist()
        for row, box in enumerate(boxes):
            left, top, right, bottom = _widened(box, wide, high)
            label = _NO_NAME.sub("-", shown.name(row)).strip("-")[:_MAX_LABEL] or "object"
            self._save(shot.image[top:bottom, left:right], f"crops/{name}{frame}-{row + 1}-{label}.jpg", "")

    def _save(self, image: NDArray[np.uint8], name: str, page: str) -> None:
        suffix = Path(name).suffix.lower()
        kept = not page and (suffix in _JPEG_SUFFIXES or suffix == ".png")
        kind = ".png" if kept and suffix == ".png" else ".jpg"
        path = self._place(name if kept else f"{name}{page}.jpg")
        _, data = cv2.imencode(kind, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _QUALITY if kind == ".jpg" else [])
        try:
            path.write_bytes(data.tobytes())
        except OSError as error:
            raise RunError(f"{path} cannot be written ({error.strerror}): free some space") from error

    def _place(self, name: str) -> Path:
        """A file's path below the folder of results, with its folders made."""
        path = self._out / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"folder {path.parent} cannot be made ({error.strerror}): free some space") from error
        return path


def _page(shot: InputImage) -> str:
    return f"-{shot.index + 1}" if shot.pages > 1 else ""


def _widened(box: Sequence[float], wide: int, high: int) -> tuple[int, int, int, int]:
    """A box in whole px with a margin, inside the picture, at least one px wide and high."""
    x1, y1, x2, y2 = box
    dx, dy = _MARGIN * (x2 - x1), _MARGIN * (y2 - y1)
    left, top = min(max(0, int(x1 - dx)), wide - 1), min(max(0, int(y1 - dy)), high - 1)
    return left, top, max(left + 1, min(wide, round(x2 + dx))), max(top + 1, min(high, round(y2 + dy)))
