"""Sequences for trackers: a detector's boxes beside the truth, in MOTChallenge's text or simulated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TUD_CAMPUS = Path(__file__).parents[4] / "shared" / "data" / "mot" / "TUD-Campus"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence.

    Args:
        name: group and number.
        width, height: of the picture, px.
        times_s: of each frame.
        detections: of each frame, (count, 5): xyxy px and score.
        truth: of each frame, (count, 5): xyxy px and id.
        counted: of each frame, which true boxes count; the others neither help nor harm.
    """

    name: str
    width: int
    height: int
    times_s: Array
    detections: tuple[Array, ...]
    truth: tuple[Array, ...]
    counted: tuple[NDArray[np.bool_], ...]

    @property
    def group(self) -> str:
        return self.name.partition("/")[0]

    @property
    def rate_hz(self) -> float:
        return (len(self.times_s) - 1) / float(self.times_s[-1] - self.times_s[0])


def read_tud_campus() -> Sequence:
    """People in a street, 71 frames: public detections and truth."""
    found, truth = (np.loadtxt(TUD_CAMPUS / name, delimiter=",") for name in ("det.txt", "gt.txt"))
    frames = range(1, int(truth[:, 0].max()) + 1)
    true = tuple(_rows(truth, frame, 1) for frame in frames)
    return Sequence(
        "TUD-Campus/1",
        640,
        480,
        np.array(frames) / 25.0,
        tuple(_rows(found, frame, 6) for frame in frames),
        true,
        tuple(np.ones(len(rows), bool) for rows in true),
    )


def _rows(table: Array, frame: int, last: int) -> Array:
    """A frame's boxes as corners, with the column `last`; MOTChallenge's rows are frame, id, x, y, w, h, score."""
    rows = table[table[:, 0] == frame]
    return np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6], rows[:, last : last + 1]], axis=1)
