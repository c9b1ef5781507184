"""MOTA and IDF1 as `model/evaluation/mot_score.py` gives them, fast enough to choose constants by."""

# scipy comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from . import mot_sequence
from .mot_sequence import Array

MIN_IOU = 0.5


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over frames; those of several sequences can be added."""

    objects: int
    boxes: int
    misses: int
    false_boxes: int
    switches: int
    id_hits: int

    @property
    def mota(self) -> float:
        return 1.0 - (self.misses + self.false_boxes + self.switches) / max(1, self.objects)

    @property
    def idf1(self) -> float:
        return 2 * self.id_hits / max(1, self.objects + self.boxes)


def score(sequence: mot_sequence.Sequence, tracks: Sequence[Array]) -> Figures:
    """Compare tracks, (count, 5) of xyxy and id for each frame, with the truth."""
    objects = boxes = misses = false_boxes = switches = 0
    shared, of_object, of_track = Counter[tuple[int, int]](), Counter[int](), Counter[int]()
    last: dict[int, int] = {}
    for everything, counted, boxes_found in zip(sequence.truth, sequence.counted, tracks, strict=True):
        true, found = _without_uncounted(everything, counted, boxes_found)
        overlap = ious(true, found)
        near = overlap >= MIN_IOU
        objects, boxes = objects + len(true), boxes + len(found)
        ids, track_ids = true[:, 4].astype(int).tolist(), found[:, 4].astype(int).tolist()
        of_object.update(ids)
        of_track.update(track_ids)
        shared.update((ids[row], track_ids[column]) for row, column in np.argwhere(near).tolist())
        pairs = _continued(ids, track_ids, near, last)
        free_rows = [row for row in range(len(ids)) if row not in pairs]
        free_columns = [column for column in range(len(track_ids)) if column not in pairs.values()]
        costs = np.where(near, 1.0 - overlap, 1e6)[np.ix_(free_rows, free_columns)]
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, column] < 1e6:
                one, track = ids[free_rows[row]], track_ids[free_columns[column]]
                switches += last.get(one, track) != track
                pairs[free_rows[row]] = free_columns[column]
        last.update({ids[row]: track_ids[column] for row, column in pairs.items()})
        misses, false_boxes = misses + len(ids) - len(pairs), false_boxes + len(track_ids) - len(pairs)
    return Figures(objects, boxes, misses, false_boxes, switches, _id_hits(shared, of_object, of_track))


def total(figures: Iterable[Figures]) -> Figures:
    """The sum over sequences."""
    rows = [(f.objects, f.boxes, f.misses, f.false_boxes, f.switches, f.id_hits) for f in figures]
    return Figures(*np.sum(rows, axis=0).tolist())


def ious(one: Array, other: Array) -> Array:
    """(one, other) IoU of rows that begin with xyxy."""
    sides = np.minimum(one[:, None, 2:4], other[None, :, 2:4]) - np.maximum(one[:, None, :2], other[None, :, :2])
    shared = np.prod(np.clip(sides, 0, None), axis=2)
    areas = [np.prod(rows[:, 2:4] - rows[:, :2], axis=1) for rows in (one, other)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)


def _without_uncounted(true: Array, counted: NDArray[np.bool_], found: Array) -> tuple[Array, Array]:
    if counted.all() or not len(found):
        return true[counted], found
    overlap = ious(true, found)
    rows, columns = linear_sum_assignment(np.where(overlap >= MIN_IOU, overlap, 0.0), maximize=True)
    out = {int(c) for r, c in zip(rows, columns, strict=True) if overlap[r, c] >= MIN_IOU and not counted[r]}
    return true[counted], found[[column not in out for column in range(len(found))]]


def _continued(ids: list[int], track_ids: list[int], near: NDArray[np.bool_], last: dict[int, int]) -> dict[int, int]:
    """The pairs of the frame before that still hold."""
    columns = {track: column for column, track in enumerate(track_ids)}
    pairs: dict[int, int] = {}
    for row, one in enumerate(ids):
        column = columns.get(last.get(one, -1))
        if column is not None and near[row, column] and column not in pairs.values():
            pairs[row] = column
    return pairs


def _id_hits(shared: Counter[tuple[int, int]], of_object: Counter[int], of_track: Counter[int]) -> int:
    if not shared:
        return 0
    rows = {one: row for row, one in enumerate(of_object)}
    columns = {track: column for column, track in enumerate(of_track)}
    table = np.zeros((len(rows), len(columns)))
    for (one, track), count in shared.items():
        table[rows[one], columns[track]] = count
    return int(table[linear_sum_assignment(table, maximize=True)].sum())
