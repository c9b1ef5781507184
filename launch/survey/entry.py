"""File entry: everything that was detected in one file of a survey, or why it could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...model.detections import Detections

_BOX_DIGITS, _SCORE_DIGITS = 2, 4


@dataclass(frozen=True, slots=True)
class FoundBox:
    """One detection: its label, its score in 0..1, its box in px of the original picture."""

    label: str
    score: float
    box_xyxy: tuple[float, float, float, float]


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


def boxes_of(found: Detections) -> tuple[FoundBox, ...]:
    """Detections as rounded boxes, best first."""
    boxes: list[list[float]] = found.boxes_xyxy.astype(float).round(_BOX_DIGITS).tolist()
    scores: list[float] = found.scores.astype(float).round(_SCORE_DIGITS).tolist()
    return tuple(FoundBox(found.name(row), scores[row], (x1, y1, x2, y2)) for row, (x1, y1, x2, y2) in enumerate(boxes))


def entry_to_json(entry: FileEntry) -> dict[str, Any]:
    """The entry as a JSON object."""
    return {
        "path": entry.path,
        "clip": entry.is_clip,
        "taken": entry.taken,
        "rate_hz": entry.rate_hz,
        "failure": entry.failure,
        "frames": [
            [f.index, f.time_s, f.width, f.height, [[b.label, b.score, *b.box_xyxy] for b in f.boxes]]
            for f in entry.frames
        ],
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
        tuple(FoundBox(b[0], b[1], (b[2], b[3], b[4], b[5])) for b in boxes),
    )
