"""Pictures to learn from: boxes, the words each answers, and the words that answer nothing in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..prompt import Phrase
from .coco_data import CocoCategory, CocoData


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture. n objects; wordings are rows of `LabelledData.wordings`.

    Args:
        file: where it lies.
        width_px, height_px: its size as the annotations state it.
        boxes_xyxy: (n, 4) float32, px.
        answers: of each object the wordings that it answers.
        never_asked: what is in the picture without a box of its own, or may be: it is neither true nor absent.
        absent: wordings known to answer nothing here; None: all that are neither answered nor never asked.
    """

    file: Path
    width_px: int
    height_px: int
    boxes_xyxy: NDArray[np.float32]
    answers: tuple[tuple[int, ...], ...]
    never_asked: frozenset[int] = frozenset()
    absent: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class LabelledData:
    """A data set, checked.

    Args:
        path: of its annotations.
        sha256: of their bytes.
        pictures: in the file's order.
        wordings: what objects answer, as the model is asked.
    """

    path: Path
    sha256: str
    pictures: tuple[LabelledPicture, ...]
    wordings: tuple[str, ...]


class Wordings:
    """Rows of wordings, found or added. Two that the model would read alike are one."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}

    def row(self, text: str) -> int:
        """
        Raises:
            PromptError: no words in it.
        """
        (spoken,) = Phrase(text).wordings
        return self._rows.setdefault(spoken, len(self._rows))

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(self._rows)


def labelled_coco(data: CocoData) -> LabelledData:
    """What a data set in COCO's format teaches.

    Objects in a crowd have no boxes of their own: their category is not asked for in that picture. Of LVIS's
    categories only those are absent that are known to be.
    """
    wordings = Wordings()
    rows = {category.number: wordings.row(category.wording) for category in data.categories}
    boxes: dict[int, list[tuple[float, ...]]] = {picture.number: [] for picture in data.pictures}
    answers: dict[int, list[tuple[int, ...]]] = {picture.number: [] for picture in data.pictures}
    crowded: dict[int, set[int]] = {picture.number: set() for picture in data.pictures}
    for one in data.boxes:
        if one.category not in rows:
            continue
        if one.crowd:
            crowded[one.picture].add(rows[one.category])
            continue
        x, y, width, height = one.box_xywh
        boxes[one.picture].append((x, y, x + width, y + height))
        answers[one.picture].append((rows[one.category],))
    pictures = [
        LabelledPicture(
            picture.file,
            picture.width_px,
            picture.height_px,
            np.array(boxes[picture.number], np.float32).reshape(-1, 4),
            tuple(answers[picture.number]),
            frozenset(crowded[picture.number]),
            tuple(rows[number] for number in picture.absent if number in rows) if _is_lvis(data.categories) else None,
        )
        for picture in data.pictures
    ]
    return LabelledData(data.source.path, data.source.sha256, tuple(pictures), wordings.all)


def _is_lvis(categories: Sequence[CocoCategory]) -> bool:
    return any(category.frequency is not None for category in categories)
