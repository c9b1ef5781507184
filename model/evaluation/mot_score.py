"""Tracking figures against ground truth: MOTA and IDF1, by motmetrics."""

# motmetrics and scipy come without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .box_overlap import ious

MIN_IOU = 0.5
_METRICS = ("mota", "idf1", "num_switches", "num_misses", "num_false_positives", "num_objects")


@dataclass(frozen=True, slots=True)
class TrackBox:
    """One true object or one track in one frame.

    Args:
        id: the same for the same object (or track) in all frames.
        phrase: its phrase.
        box_xyxy: px.
        counted: for truth only: False if too little is visible for evaluation.
    """

    id: int
    phrase: str
    box_xyxy: tuple[float, float, float, float]
    counted: bool = True


@dataclass(frozen=True, slots=True)
class MotScore:
    """The tracking figures of a whole clip.

    Args:
        mota: 1 - (misses + false boxes + switches) / objects.
        idf1: the fraction of boxes with the right identity, 0..1.
        switches: the number of times an object got another track.
        misses: objects without a track, summed over frames.
        false_boxes: tracks without an object, summed over frames.
        objects: counted objects, summed over frames.
    """

    mota: float
    idf1: float
    switches: int
    misses: int
    false_boxes: int
    objects: int


def score_tracks(truth: Sequence[Sequence[TrackBox]], found: Sequence[Sequence[TrackBox]]) -> MotScore:
    """Compare tracks with the truth, frame by frame.

    A track's box matches an object if their phrases are equal and their IoU is at least 0.5. As in MOTChallenge,
    objects that do not count are matched first together with all others, for any phrase; then they and their boxes
    are left out. Do not pass coasting boxes: they are predictions.

    Args:
        truth: the objects of each frame.
        found: the tracks' boxes of the same frames.
    """
    import motmetrics

    if len(truth) != len(found):
        raise ValueError(f"{len(truth)} frames of truth need as many frames of tracks, not {len(found)}")
    book = motmetrics.MOTAccumulator(auto_id=True)
    for everything, boxes in zip(truth, found, strict=True):
        objects, tracks = _without_uncounted(everything, boxes)
        distance = np.where(_answers(objects, tracks), 1.0 - ious(_boxes(objects), _boxes(tracks)), np.nan)
        book.update([one.id for one in objects], [one.id for one in tracks], distance)
    table: Any = motmetrics.metrics.create().compute(book, metrics=list(_METRICS), name="clip")
    mota, idf1, switches, misses, false_boxes, count = (table.loc["clip", name] for name in _METRICS)
    return MotScore(float(mota), float(idf1), int(switches), int(misses), int(false_boxes), int(count))


def _without_uncounted(
    objects: Sequence[TrackBox], tracks: Sequence[TrackBox]
) -> tuple[list[TrackBox], list[TrackBox]]:
    """The objects and boxes without uncounted objects and the boxes matched to them."""
    from scipy.optimize import linear_sum_assignment

    counted = [one.counted for one in objects]
    overlap = ious(_boxes(objects), _boxes(tracks))
    fits = (_answers(objects, tracks) | ~np.array(counted, bool)[:, None]) & (overlap >= MIN_IOU)
    rows, columns = linear_sum_assignment(np.where(fits, overlap, 0.0), maximize=True)
    on_uncounted = {
        int(column) for row, column in zip(rows, columns, strict=True) if fits[row, column] and not counted[row]
    }
    return (
        [one for one in objects if one.counted],
        [one for column, one in enumerate(tracks) if column not in on_uncounted],
    )


def _answers(objects: Sequence[TrackBox], tracks: Sequence[TrackBox]) -> NDArray[np.bool_]:
    """(objects, tracks) whether a track may match an object."""
    same = [[one.phrase == track.phrase for track in tracks] for one in objects]
    return np.array(same, bool).reshape(len(objects), len(tracks)) & (ious(_boxes(objects), _boxes(tracks)) >= MIN_IOU)


def _boxes(ones: Sequence[TrackBox]) -> NDArray[np.float64]:
    return np.array([one.box_xyxy for one in ones], np.float64).reshape(-1, 4)
