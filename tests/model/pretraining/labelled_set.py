"""Labelled pictures without files, for tests that read none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from groundcast.model.datasets.class_words import ClassWords
from groundcast.model.datasets.labelled import LabelledData, LabelledPicture

NAMES = ("cup", "mug", "left hand", "right hand", "left shoe")


def picture(
    *answers: tuple[int, ...], side_px: float = 20.0, absent: tuple[int, ...] | None = None, source: int = 0
) -> LabelledPicture:
    """A picture of one object in each row of `answers`, all of one size."""
    boxes = np.array([[30 * row, 0, 30 * row + side_px, side_px] for row in range(len(answers))], np.float32)
    return LabelledPicture(Path("none.png"), 640, 480, boxes.reshape(-1, 4), answers, absent=absent, source=source)


def labelled_set(*pictures: LabelledPicture, shares: tuple[float, ...] = ()) -> LabelledData:
    """A data set of `NAMES`, in which a cup may be a mug."""
    words = ClassWords(overlaps={"cup": frozenset({"mug"}), "mug": frozenset({"cup"})})
    return LabelledData(Path("set.json"), "0" * 64, pictures, NAMES, words=words, shares=shares)
