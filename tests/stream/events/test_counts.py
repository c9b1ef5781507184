"""Counts of scripted scenes and of real footage, against what is truly there."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from groundcast.model.detections import Detections
from groundcast.stream.events.engine import EventEngine, EventRules
from groundcast.stream.options import TrackerKind, TrackerOptions
from groundcast.stream.tracking.tracker import Tracker
from groundcast.stream.zone import LineOptions

from .counted_scenes import judge
from .real_footage import STORED

# Counted by hand on drawn pictures, every 6th of bottles.mp4 (each bottle that is lifted out over the middle line, and
# put down over it) and every 8th of cars.mp4 (each car that drives up or down over it): (in is downwards, out upwards).
BY_HAND = {"bottles": (4, 4), "cars": (2, 2)}


def crossings(clip: str) -> tuple[int, int]:
    """In and out over the middle line of a clip, from left to right."""
    stored: dict[str, Any] = json.loads(STORED.read_text())[clip]
    width, height = stored["width"], stored["height"]
    ends = ((0.0, height / 2), (float(width), height / 2))
    tracker, engine = (
        Tracker(TrackerOptions(), "n/s/1/1"),
        EventEngine(EventRules(lines=(LineOptions("middle", ends),))),
    )
    for index, boxes in enumerate(stored["boxes"]):
        found = Detections(
            (clip,),
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(boxes), 0.9, np.float32),
            np.zeros(len(boxes), np.int64),
        )
        time_s = index / stored["hz"]
        engine.update(tracker.update(found, time_s, None, width, height), time_s, None)
    engine.end()
    totals = engine.counts()[0].totals
    return sum(totals["in"].values()), sum(totals["out"].values())


@pytest.mark.parametrize("clip", ["bottles", "cars"])
def test_the_middle_line_of_real_footage_is_crossed_as_counted_by_hand(clip: str) -> None:
    assert crossings(clip) == BY_HAND[clip]


@pytest.mark.parametrize("kind", ["norfair", "own"])
def test_scripted_scenes_are_counted_exactly(kind: TrackerKind) -> None:
    verdict = judge(range(7), kind)

    assert verdict.wrong == []
    assert verdict.scenes.total() == verdict.ours.total() == 7


@pytest.mark.bar
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["norfair", "own"])
def test_two_hundred_scripted_scenes_are_counted_exactly(kind: TrackerKind) -> None:
    assert judge(range(203), kind).wrong == []
