# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
"""The tracker on people in a street: public detections and truth of one MOT15 sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections
from groundcast.stream.options import TrackerOptions
from groundcast.stream.tracker import Tracker

SEQUENCE = Path(__file__).parents[3] / "shared" / "data" / "mot" / "TUD-Campus"
RATE_HZ, WIDTH, HEIGHT = 25, 640, 480


def boxes_of(table: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    """The rows of one frame: id, x, y, w, h, score."""
    return table[table[:, 0] == frame][:, 1:7]


def test_people_in_a_street_are_tracked_at_the_defaults() -> None:
    if not SEQUENCE.exists():
        pytest.skip("the sequence is not here")
    mm = pytest.importorskip("motmetrics")
    found, truth = (np.loadtxt(SEQUENCE / name, delimiter=",") for name in ("det.txt", "gt.txt"))
    tracker = Tracker(TrackerOptions(publish="matched"), "street")
    pairs = mm.MOTAccumulator(auto_id=True)
    for frame in range(1, int(truth[:, 0].max()) + 1):
        _, x, y, w, h, score = boxes_of(found, frame).T
        boxes = np.stack([x, y, x + w, y + h], axis=1).astype(np.float32)
        people = Detections(("person",), boxes, score.astype(np.float32), np.zeros(len(x), np.int64))
        tracks = tracker.update(people, frame / RATE_HZ, None, WIDTH, HEIGHT)
        tracked = np.array([track.box_xyxy for track in tracks]).reshape(-1, 4)
        tracked[:, 2:] -= tracked[:, :2]
        true = boxes_of(truth, frame)
        near = mm.distances.iou_matrix(true[:, 1:5], tracked, max_iou=0.5)
        pairs.update(true[:, 0].astype(int), [track.id for track in tracks], near)
    figures = mm.metrics.create().compute(pairs, metrics=["mota", "idf1"]).iloc[0]
    print(f"TUD-Campus: MOTA {figures['mota']:.3f}, IDF1 {figures['idf1']:.3f}")  # norfair's own defaults: 0.515, 0.656
    assert figures["mota"] >= 0.55
    assert figures["idf1"] >= 0.55
