"""The tracker against ground truth: people in a street, and the embedded clip with boxes as a detector blurs them."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections
from groundcast.stream.options import TrackerKind, TrackerOptions
from groundcast.stream.track import Track
from groundcast.stream.tracking.tracker import Tracker

mm = pytest.importorskip("motmetrics")

SEQUENCE = Path(__file__).parents[4] / "shared" / "data" / "mot" / "TUD-Campus"
CLIP = Path(__file__).parents[3] / "model" / "tabletop" / "clip.json"
MISSED, NOISE = 0.05, 0.03


class Score:
    """Counts, frame by frame, which tracks are on which true boxes (IoU 0.5, the same phrase)."""

    def __init__(self) -> None:
        self._pairs = mm.MOTAccumulator(auto_id=True)

    def add(
        self, ids: Sequence[int], boxes: NDArray[np.float64], phrases: Sequence[str], tracks: Sequence[Track]
    ) -> None:
        tracked = np.array([track.box_xyxy for track in tracks]).reshape(-1, 4)
        far = mm.distances.iou_matrix(xywh(boxes), xywh(tracked), max_iou=0.5).reshape(len(ids), len(tracks))
        other = np.array([[phrase != track.phrase for track in tracks] for phrase in phrases], bool)
        far[other.reshape(far.shape)] = np.nan
        self._pairs.update(ids, [track.id for track in tracks], far)

    def figures(self) -> tuple[float, float]:
        """MOTA and IDF1."""
        row = mm.metrics.create().compute(self._pairs, metrics=["mota", "idf1"]).iloc[0]
        return float(row["mota"]), float(row["idf1"])


def xywh(boxes_xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1)


def rows_of(table: NDArray[np.float64], frame: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A frame's boxes in MOTChallenge's text (frame, id, x, y, w, h, score), and its rows."""
    rows = table[table[:, 0] == frame]
    return np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1), rows


@pytest.mark.parametrize("kind", ["norfair", "own"])
def test_people_in_a_street_are_tracked_at_the_defaults(kind: TrackerKind) -> None:
    if not SEQUENCE.exists():
        pytest.skip("the sequence is not here")
    found, truth = (np.loadtxt(SEQUENCE / name, delimiter=",") for name in ("det.txt", "gt.txt"))
    tracker, score = Tracker(TrackerOptions(publish="matched", kind=kind), "street"), Score()
    for frame in range(1, int(truth[:, 0].max()) + 1):
        boxes, rows = rows_of(found, frame)
        people = Detections(
            ("person",), boxes.astype(np.float32), rows[:, 6].astype(np.float32), np.zeros(len(rows), np.int64)
        )
        true, rows = rows_of(truth, frame)
        tracks = tracker.update(people, frame / 25, None, 640, 480)
        score.add(rows[:, 1].astype(int).tolist(), true, ["person"] * len(rows), tracks)
    mota, idf1 = score.figures()
    print(
        f"TUD-Campus, {kind}: MOTA {mota:.3f}, IDF1 {idf1:.3f}"
    )  # norfair alone, at its own defaults: 0.515 and 0.656
    assert mota >= 0.57
    assert idf1 >= 0.68  # as the best of SORT, ByteTrack and OC-SORT


def blurred(objects: Sequence[dict[str, Any]], names: tuple[str, ...], rng: np.random.Generator) -> Detections:
    """True boxes as a good detector gives them: a little off, and some missing."""
    seen = [one for one in objects if rng.random() >= MISSED]
    boxes = np.array([one["box_xyxy"] for one in seen], np.float64).reshape(-1, 4)
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1, keepdims=True))
    return Detections(
        names,
        (boxes + NOISE * sides * rng.standard_normal(boxes.shape)).astype(np.float32),
        np.full(len(seen), 0.8, np.float32),
        np.array([names.index(one["phrase"]) for one in seen], np.int64),
    )


@pytest.mark.parametrize("kind", ["norfair", "own"])
@pytest.mark.parametrize("every", [1, 2], ids=["every frame", "every other frame"])
def test_ids_persist_across_the_crossings_of_the_embedded_clip(every: int, kind: TrackerKind) -> None:
    if not CLIP.exists():
        pytest.skip("the clip has not been made")
    truth = json.loads(CLIP.read_text())
    rng = np.random.default_rng(7)
    frames = [[one for one in frame["objects"] if one.get("counted")] for frame in truth["frames"]]
    names = tuple(sorted({one["phrase"] for objects in frames for one in objects}))
    tracker, score = Tracker(TrackerOptions(publish="matched", kind=kind), "clip"), Score()
    for index, objects in list(enumerate(frames))[::every]:
        tracks = tracker.update(
            blurred(objects, names, rng), index / truth["fps"], None, truth["width"], truth["height"]
        )
        boxes = np.array([one["box_xyxy"] for one in objects], np.float64).reshape(-1, 4)
        score.add([one["id"] for one in objects], boxes, [one["phrase"] for one in objects], tracks)
    mota, idf1 = score.figures()
    print(f"clip, every {every}: MOTA {mota:.3f}, IDF1 {idf1:.3f}")
    assert mota >= 0.85
    assert idf1 >= 0.90
