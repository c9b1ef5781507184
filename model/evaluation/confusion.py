"""Confusion matrix of classes: objects matched to boxes of any class, at one score and IoU 0.5.

Of federated data only those boxes count as wrong whose class the picture states. Letters: K category, n m boxes.
"""

# numpy 1.26 leaves the types of some reductions open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.coco_data import CocoBox, CocoData, CocoPicture
from .average_precision import SceneDetections
from .box_overlap import ious

_MIN_IOU = 0.5
_USUAL_SCORE = 0.3  # if no box is right at any score


@dataclass(frozen=True, slots=True)
class Confusion:
    """The confusion matrix of one score.

    Args:
        names: of the K classes.
        counts: (K + 1, K + 1): rows are true classes, columns detected classes; the last row counts boxes without
            an object, the last column objects without a box. An object detected as a class that its picture does not
            state is not counted.
        score: the minimum score of the counted boxes.
    """

    names: tuple[str, ...]
    counts: NDArray[np.int64]
    score: float


def best_score(data: CocoData, detections: Mapping[int, SceneDetections]) -> float:
    """The minimum score with the highest F1, the harmonic mean of precision and recall over all classes."""
    scores, right = [np.zeros(0)], [np.zeros(0, np.bool_)]
    own = _boxes_of(data)
    for picture in data.pictures:
        found = detections[picture.number]
        truths = [box for box in own[picture.number] if not box.crowd]
        pairs = _matched(found, truths, within_class=True)
        counted = np.array([_is_wrong(picture, int(one), own[picture.number]) for one in found.categories], np.bool_)
        hit = np.zeros(len(found.scores), np.bool_)
        hit[list(pairs)] = True
        scores.append(found.scores[counted | hit])
        right.append(hit[counted | hit])
    every, hits = np.concatenate(scores), np.concatenate(right)
    order = np.argsort(-every, kind="stable")
    f1 = 2 * np.cumsum(hits[order]) / (np.arange(1, len(every) + 1) + max(1, data.instances))
    return float(every[order][int(f1.argmax())]) if len(f1) and f1.max() > 0 else _USUAL_SCORE


def confusion(data: CocoData, detections: Mapping[int, SceneDetections], score: float) -> Confusion:
    """Count the confusion matrix.

    Args:
        data: the truth.
        detections: the detections of each picture by its number.
        score: the minimum score of a box that counts.
    """
    rows = {one.number: row for row, one in enumerate(data.categories)}
    nothing = len(rows)
    counts = np.zeros((nothing + 1, nothing + 1), np.int64)
    own = _boxes_of(data)
    for picture in data.pictures:
        every = detections[picture.number]
        is_counted = every.scores >= score
        found = SceneDetections(every.boxes_xyxy[is_counted], every.categories[is_counted], every.scores[is_counted])
        truths = [box for box in own[picture.number] if not box.crowd]
        pairs = _matched(found, truths, within_class=True)
        pairs |= _matched(found, truths, within_class=False, matched_rows=pairs)
        for row, category in enumerate(map(int, found.categories)):
            truth = None if row not in pairs else truths[pairs[row]].category
            if truth == category or _is_wrong(picture, category, own[picture.number]):
                counts[nothing if truth is None else rows[truth], rows[category]] += 1
        for missed in set(range(len(truths))) - set(pairs.values()):
            counts[rows[truths[missed].category], nothing] += 1
    return Confusion(tuple(one.name for one in data.categories), counts, score)


def _boxes_of(data: CocoData) -> dict[int, list[CocoBox]]:
    """The true boxes of each picture, of the evaluated classes."""
    category_numbers = {one.number for one in data.categories}
    own: dict[int, list[CocoBox]] = {picture.number: [] for picture in data.pictures}
    for box in data.boxes:
        if box.category in category_numbers:
            own[box.picture].append(box)
    return own


def _is_wrong(picture: CocoPicture, category: int, boxes: list[CocoBox]) -> bool:
    """Whether an unmatched box of the category counts as wrong in this picture."""
    here = [box for box in boxes if box.category == category]
    if any(box.crowd for box in here) or category in picture.not_exhaustive:
        return False
    return picture.absent is None or bool(here) or category in picture.absent


def _matched(
    found: SceneDetections, truths: list[CocoBox], *, within_class: bool, matched_rows: Mapping[int, int] | None = None
) -> dict[int, int]:
    """A detection's row -> its truth's: in order of score, each takes the unmatched truth with the highest IoU."""
    matched_rows = matched_rows or {}
    if not truths or not len(found.scores):
        return {}
    xywh = np.array([box.box_xywh for box in truths], np.float64)
    overlaps = ious(found.boxes_xyxy, np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1))
    if within_class:
        overlaps[found.categories[:, None] != np.array([box.category for box in truths])[None]] = 0.0
    overlaps[:, list(matched_rows.values())] = 0.0
    pairs: dict[int, int] = {}
    for row in map(int, np.argsort(-found.scores, kind="stable")):
        best = int(overlaps[row].argmax())
        if row not in matched_rows and overlaps[row, best] >= _MIN_IOU:
            pairs[row] = best
            overlaps[:, best] = 0.0
    return pairs
