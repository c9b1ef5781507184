"""The plan of a pretraining: which annotated boxes are cut out, and which classes each crop is told apart from.

Letters: N crop, C class, S source of a mixture.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.coco_records import CocoError
from ..datasets.labelled import LabelledData, LabelledPicture
from ..datasets.sided_words import mirrored_text

MIN_PX = 8.0  # the shorter side of a box that shows enough
MAX_CLASSES = 4000


@dataclass(frozen=True, slots=True)
class CropLabels:
    """What is known of one crop. Classes are columns of `CropPlan.classes`.

    Args:
        classes: those of its object.
        open: classes that may be true of its object too: neither right nor wrong.
        source: the index of its data set in a mixture.
    """

    classes: tuple[int, ...]
    open: tuple[int, ...]
    source: int


@dataclass(frozen=True, slots=True)
class CropPlan:
    """The crops of a data set.

    Args:
        cuts: each picture with the boxes that are cut out of it.
        labels: of each crop, in the order of `cuts`.
        classes: the wordings of the classes that are told apart.
        known_SC: the classes that a source annotates; of others its crops say nothing.
        shares: of the sources, as `LabelledData.shares`.
        mirrored: the class of a mirrored object of each class; -1 if it has none.
        boxes: how many there are to choose from.
    """

    cuts: tuple[tuple[LabelledPicture, NDArray[np.float32]], ...]
    labels: tuple[CropLabels, ...]
    classes: tuple[str, ...]
    known_SC: NDArray[np.bool_]
    shares: tuple[float, ...]
    mirrored: tuple[int, ...]
    boxes: int


def plan_crops(data: LabelledData, limit: int, seed: int, classes: Sequence[str] | None = None) -> CropPlan:
    """Choose the boxes by the annotations alone.

    Of more boxes than `limit` some are drawn, as evenly over the classes as their numbers allow. A class that may be
    true of another's objects (`overlaps` of the vocabulary) is left open for them, unless it is known to be absent.

    Args:
        data: the data set.
        limit: maximum number of crops.
        seed: of the draw.
        classes: those that are told apart; None: all that have boxes, at most the 4,000 with most boxes.

    Raises:
        CocoError: without `classes`: no box is large enough, or there are no two classes to tell apart.
    """
    boxes = _large_boxes(data)
    names = _most_shown(data, boxes) if classes is None else classes
    column_of = {name: column for column, name in enumerate(names)}
    columns = {row: column_of[name] for row, name in enumerate(data.wordings) if name in column_of}
    counts = Counter(row for picture, box in boxes for row in data.pictures[picture].answers[box])
    usable = [one for one in boxes if not columns.keys().isdisjoint(data.pictures[one[0]].answers[one[1]])]
    rarest = [
        min((row for row in data.pictures[picture].answers[box] if row in columns), key=lambda row: (counts[row], row))
        for picture, box in usable
    ]
    chosen = [usable[place] for place in _drawn_evenly(np.array(rarest, np.int64), limit, seed)]
    boxes_of: dict[int, list[int]] = {}
    for picture, box in chosen:
        boxes_of.setdefault(picture, []).append(box)
    overlaps = _overlaps(data)
    labels = [
        _labels(data.pictures[picture], box, columns, overlaps) for picture, own in boxes_of.items() for box in own
    ]
    cuts = [(data.pictures[picture], data.pictures[picture].boxes_xyxy[own]) for picture, own in boxes_of.items()]
    known_SC = _known(data, columns, len(names))
    if classes is None:
        _check(data, labels)
    mirrored = _mirrored(data, names)
    return CropPlan(tuple(cuts), tuple(labels), tuple(names), known_SC, data.shares, mirrored, len(boxes))


def _large_boxes(data: LabelledData) -> list[tuple[int, int]]:
    """The picture and the row of each box that is large enough and has a class."""
    found: list[tuple[int, int]] = []
    for number, picture in enumerate(data.pictures):
        sides = picture.boxes_xyxy[:, 2:] - picture.boxes_xyxy[:, :2]
        rows: list[int] = np.flatnonzero((sides >= MIN_PX).all(1)).tolist()
        found += [(number, row) for row in rows if picture.answers[row]]
    return found


def _most_shown(data: LabelledData, boxes: Sequence[tuple[int, int]]) -> list[str]:
    if not boxes:
        raise CocoError(
            f"annotations {data.path} have no box of {MIN_PX:g} px or more to cut out: leave --crop-steps away"
        )
    counts = Counter(row for picture, box in boxes for row in data.pictures[picture].answers[box])
    return [data.wordings[row] for row in sorted(row for row, _ in counts.most_common(MAX_CLASSES))]


def _drawn_evenly(keys: NDArray[np.int64], limit: int, seed: int) -> list[int]:
    """Places of at most `limit` keys: the first of each key, then the second, and so on, in a random order."""
    if len(keys) <= limit:
        return list(range(len(keys)))
    order = np.random.default_rng([seed, 5]).permutation(len(keys))
    by_key = np.argsort(keys[order], kind="stable")
    grouped = keys[order][by_key]
    begins = np.concatenate([[0], np.flatnonzero(grouped[1:] != grouped[:-1]) + 1])
    lengths = np.diff([*begins, len(keys)])
    nth = np.empty(len(keys), np.int64)
    nth[by_key] = np.arange(len(keys)) - np.repeat(begins, lengths)
    drawn: list[int] = order[np.argsort(nth, kind="stable")[:limit]].tolist()
    return sorted(drawn)


def _overlaps(data: LabelledData) -> dict[int, frozenset[int]]:
    rows = {name: row for row, name in enumerate(data.wordings)}
    return {
        rows[name]: frozenset(rows[other] for other in others if other in rows)
        for name, others in data.words.overlaps.items()
        if name in rows
    }


def _labels(
    picture: LabelledPicture, box: int, columns: dict[int, int], overlaps: dict[int, frozenset[int]]
) -> CropLabels:
    own = set(picture.answers[box])
    alike = {other for row in own for other in overlaps.get(row, frozenset[int]())} - own
    if picture.absent is None:
        here = {row for answers in picture.answers for row in answers}
        alike &= here | picture.never_asked
    else:
        alike -= set(picture.absent)
    return CropLabels(
        tuple(sorted(columns[row] for row in own if row in columns)),
        tuple(sorted(columns[row] for row in alike if row in columns)),
        picture.source,
    )


def _known(data: LabelledData, columns: dict[int, int], count: int) -> NDArray[np.bool_]:
    if not data.shares:
        return np.ones((1, count), np.bool_)
    known_SC = np.zeros((len(data.shares), count), np.bool_)
    for picture in data.pictures:
        stated = {*(row for own in picture.answers for row in own), *picture.never_asked, *(picture.absent or ())}
        known_SC[picture.source, [columns[row] for row in stated if row in columns]] = True
    return known_SC


def _check(data: LabelledData, labels: Sequence[CropLabels]) -> None:
    kinds = Counter(source for source, _ in {(one.source, one.classes) for one in labels})
    if max(kinds.values()) < 2:
        raise CocoError(
            f"the large boxes of {data.path} are all of one class, which leaves none to tell apart: leave --crop-steps "
            "away"
        )


def _mirrored(data: LabelledData, names: Sequence[str]) -> tuple[int, ...]:
    columns = {name: column for column, name in enumerate(names)}

    def mirrored(name: str) -> int:
        if all(mirrored_text(text) == text for text in data.words.wordings_of(name)):
            return columns[name]
        other = mirrored_text(name)
        return columns.get(other, -1) if other != name else -1

    return tuple(mirrored(name) for name in names)
