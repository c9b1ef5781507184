"""Detections: the boxes that a detector found in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Detections:
    """The boxes of one picture, best first.

    Row i of every field belongs to the same box.

    Args:
        names: the names of the prompt; `name_indices` points into it.
        boxes_xyxy: (n, 4) float32, px of the original picture, inside the picture.
        scores: (n,) float32, 0..1.
        name_indices: (n,) int64, the index of each box's name.
    """

    names: tuple[str, ...]
    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    name_indices: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.scores)
        assert self.boxes_xyxy.shape == (count, 4)
        assert self.name_indices.shape == (count,)

    def __len__(self) -> int:
        return len(self.scores)

    def name(self, row: int) -> str:
        """The name of box `row`."""
        return self.names[int(self.name_indices[row])]

    def best(self, count: int) -> Detections:
        """The first `count` boxes."""
        return Detections(self.names, self.boxes_xyxy[:count], self.scores[:count], self.name_indices[:count])

    @classmethod
    def none(cls, names: Sequence[str]) -> Detections:
        """The detections of a picture without any."""
        return cls(
            tuple(names),
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.float32),
            np.zeros(0, np.int64),
        )


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """The model's description in messages: its name, its number format, and how word scores make a phrase's score."""

    name: str
    dtype: str
    score_rule: str
