"""Labelled pictures for training: boxes with their wordings, and the wordings absent in each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..prompt import Phrase
from .class_words import ClassWords
from .coco_data import CocoBox, CocoData, CocoPicture, cut_to_picture


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture. n objects; wordings are rows of `LabelledData.wordings`.

    Args:
        file: where it lies.
        width_px, height_px: its size as the annotations state it.
        boxes_xyxy: (n, 4) float32, px.
        answers: the wordings of each object.
        never_asked: wordings of objects that have, or may have, no box of their own: neither present nor absent.
        absent: wordings known to be absent; None: all that are neither in `answers` nor in `never_asked`.
        loose: wordings in `answers` that may be true of further objects without a box.
        source: the index of its data set in a mixture.
    """

    file: Path
    width_px: int
    height_px: int
    boxes_xyxy: NDArray[np.float32]
    answers: tuple[tuple[int, ...], ...]
    never_asked: frozenset[int] = frozenset()
    absent: tuple[int, ...] | None = None
    loose: frozenset[int] = frozenset()
    source: int = 0


@dataclass(frozen=True, slots=True)
class LabelledData:
    """A data set, checked.

    Args:
        path: of its annotations.
        sha256: of their bytes.
        pictures: in the file's order.
        wordings: the classes' wordings for the model; a row is a class.
        turned: number of pictures that are upright by their EXIF alone.
        words: other wordings of the same classes, and which classes may be true of one object.
        shares: the fraction of the examples from each source of a mixture; empty: every picture counts equally.
    """

    path: Path
    sha256: str
    pictures: tuple[LabelledPicture, ...]
    wordings: tuple[str, ...]
    turned: int = 0
    words: ClassWords = field(default_factory=ClassWords)
    shares: tuple[float, ...] = ()

    @property
    def all_wordings(self) -> tuple[str, ...]:
        """Every wording that a prompt may contain."""
        return tuple(dict.fromkeys(one for wording in self.wordings for one in self.words.wordings_of(wording)))


class WordingRows:
    """Rows of wordings, looked up or added. Wordings that are equal to the model share a row."""

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


def labelled_coco(data: CocoData, words: ClassWords | None = None) -> LabelledData:
    """The training data of a data set in COCO's format.

    Objects in a crowd have no boxes of their own: their category is not in that picture's prompts. In federated data
    only the categories stated as absent are absent.
    """
    wordings, words = WordingRows(), words or ClassWords()
    rows = {category.number: wordings.row(category.wording) for category in data.categories}
    own: dict[int, list[CocoBox]] = {picture.number: [] for picture in data.pictures}
    for box in data.boxes:
        if box.category in rows:
            own[box.picture].append(box)
    pictures = [_labelled(picture, own[picture.number], rows) for picture in data.pictures]
    return LabelledData(data.source.path, data.source.sha256, tuple(pictures), wordings.all, data.source.turned, words)


def _labelled(picture: CocoPicture, boxes: Sequence[CocoBox], rows: Mapping[int, int]) -> LabelledPicture:
    corners: list[tuple[float, float, float, float]] = []
    answers: list[tuple[int, ...]] = []
    for box in boxes:
        x, y, width, height = box.box_xywh
        inside = cut_to_picture((x, y, x + width, y + height), picture.width_px, picture.height_px)
        if inside is not None and not box.crowd:
            corners.append(inside)
            answers.append((rows[box.category],))
    return LabelledPicture(
        picture.file,
        picture.width_px,
        picture.height_px,
        np.array(corners, np.float32).reshape(-1, 4),
        tuple(answers),
        frozenset(rows[box.category] for box in boxes if box.crowd),
        None if picture.absent is None else tuple(rows[number] for number in picture.absent if number in rows),
        frozenset(rows[number] for number in picture.not_exhaustive if number in rows),
    )
