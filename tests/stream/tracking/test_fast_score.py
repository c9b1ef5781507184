from __future__ import annotations

import numpy as np
import pytest

from groundcast.model.evaluation.mot_score import TrackBox, score_tracks
from groundcast.stream.options import TrackerOptions
from groundcast.stream.tracking.tracker import Tracker

from .compare_trackers import track
from .fast_score import score
from .mot_sequence import Array
from .simulated_crowd import simulate


def test_it_gives_what_motmetrics_gives() -> None:
    pytest.importorskip("motmetrics")
    sequence = simulate("slow", 7, 8.0)
    tracks = track(sequence, Tracker(TrackerOptions(kind="own", publish="matched", confirm_hits=1), "x"))
    truth = [
        [_box(row, counted=bool(counts)) for row, counts in zip(rows, counted, strict=True)]
        for rows, counted in zip(sequence.truth, sequence.counted, strict=True)
    ]
    slow = score_tracks(truth, [[_box(row) for row in rows] for rows in tracks])
    fast = score(sequence, tracks)
    assert (fast.objects, fast.misses, fast.false_boxes) == (slow.objects, slow.misses, slow.false_boxes)
    assert fast.switches == slow.switches > 0
    assert (fast.mota, fast.idf1) == pytest.approx((slow.mota, slow.idf1))


def test_swapped_ids_cost_idf1_and_are_switches() -> None:
    sequence = simulate("slow", 5, 4.0)
    right = list(sequence.truth)
    usual = max(right[0][right[0][:, 4] > 0, 4], key=lambda one: sum((rows[:, 4] == one).sum() for rows in right))
    half = len(right) // 2
    swapped = [np.where(rows == usual, 99.0, rows) if index > half else rows for index, rows in enumerate(right)]
    assert score(sequence, right).idf1 == 1.0
    assert score(sequence, swapped).switches == 1
    assert score(sequence, swapped).idf1 < 1.0


def _box(row: Array, *, counted: bool = True) -> TrackBox:
    left, top, right, bottom, number = row.tolist()
    return TrackBox(int(number), "person", (left, top, right, bottom), counted)
