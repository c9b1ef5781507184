"""File entry: everything that was detected in one file of a survey, or why it could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...model.detections import Detections
from ...model.masks.mask import Mask

_BOX_DIGITS, _SCORE_DIGITS, _QUALITY_DIGITS = 2, 4, 4


@dataclass(frozen=True, slots=True)
class FoundBox:
    """One detection: its label, its score in 0..1, its box in px of the original picture, its pixels where known."""

    label: str
    score: float
    box_xyxy: tuple[float, float, float, float]
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class FrameEntry:
    """The detections of one picture: a file's only one, a page of it, or a frame of a clip.

    Args:
        index: counts the frames of the clip from 0, also those that were not sampled; or the pages.
        time_s: since the clip's first frame.
        width, height: of the original, px.
    """

    index: int
    time_s: float
    width: int
    height: int
    boxes: tuple[FoundBox, ...]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """The result of one file.

    Args:
        path: as the search for files wrote it.
        is_clip: whether it is a clip; else it is a picture, or several.
        frames: in order. Of a file that broke off, those before the break.
        taken: the camera's own local time, `YYYY-MM-DD HH:MM:SS`; None where the file has none.
        rate_hz: of a clip, as stated in it.
        failure: why the file, or its rest, could not be read.
    """

    path: str
    is_clip: bool
    frames: tuple[FrameEntry, ...] = field(default=())
    taken: str | None = None
    rate_hz: float | None = None
    failure: str | None = None

    @property
    def boxes(self) -> int:
        """The number of detections."""
        return sum(len(frame.boxes) for frame in self.frames)


def boxes_of(found: Detections, masks: Sequence[Mask | None] | None = None) -> tuple[FoundBox, ...]:
    """Detections as rounded boxes, best first.

    Args:
        masks: one a detection, in the size of the original picture; None where masks were not looked for.
    """
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).round(_BOX_DIGITS).tolist()
    scores: list[float] = found.scores.astype(float).round(_SCORE_DIGITS).tolist()
    pixels = masks if masks is not None else [None] * len(boxes)
    return tuple(
        FoundBox(found.name(row), scores[row], (x1, y1, x2, y2), pixels[row])
        for row, (x1, y1, x2, y2) in enumerate(boxes)
    )


def entry_to_json(entry: FileEntry) -> dict[str, Any]:
    """The entry as a JSON object."""
    return {
        "path": entry.path,
        "clip": entry.is_clip,
        "taken": entry.taken,
        "rate_hz": entry.rate_hz,
        "failure": entry.failure,
        "frames": [[f.index, f.time_s, f.width, f.height, [_box_values(b) for b in f.boxes]] for f in entry.frames],
    }


def entry_from_json(values: dict[str, Any]) -> FileEntry:
    """The entry that `entry_to_json` wrote; raises KeyError, TypeError or ValueError where it did not."""
    return FileEntry(
        path=str(values["path"]),
        is_clip=bool(values["clip"]),
        frames=tuple(_frame(frame) for frame in values["frames"]),
        taken=values["taken"],
        rate_hz=values["rate_hz"],
        failure=values["failure"],
    )


def _frame(values: Sequence[Any]) -> FrameEntry:
    index, time_s, width, height, boxes = values
    return FrameEntry(
        int(index),
        float(time_s),
        int(width),
        int(height),
        tuple(_box(b, (int(height), int(width))) for b in boxes),
    )


def _box_values(box: FoundBox) -> list[Any]:
    values = [box.label, box.score, *box.box_xyxy]
    if box.mask is None:
        return values
    mask = box.mask  # its size is the picture's
    return [*values, [mask.counts.decode("ascii"), mask.area_px, round(mask.quality, _QUALITY_DIGITS), *mask.box_xyxy]]


def _box(values: Sequence[Any], size_hw: tuple[int, int]) -> FoundBox:
    label, score, x1, y1, x2, y2, *pixels = values
    if not pixels:
        return FoundBox(label, score, (x1, y1, x2, y2))
    counts, area_px, quality, left, top, right, bottom = pixels[0]
    mask = Mask(size_hw, str(counts).encode("ascii"), int(area_px), float(quality), (left, top, right, bottom))
    return FoundBox(label, score, (x1, y1, x2, y2), mask)
