"""Zones and lines in metres: tracks of a made camera count by their positions, whatever their boxes do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groundcast.stream.event import Event
from groundcast.stream.events.engine import EventEngine, EventRules
from groundcast.stream.frame import Frame
from groundcast.stream.geometry.position_finder import PositionFinder
from groundcast.stream.geometry.stereo import Sightings
from groundcast.stream.geometry_options import GeometryOptions, Intrinsics, Placement, PositionNoise, SupportPlane
from groundcast.stream.position import Position
from groundcast.stream.track import Track
from groundcast.stream.zone import LineOptions, ZoneOptions, metric_fault

from .moving import play, track

FOCAL_PX = 600.0
HEIGHT_M = 2.0
CAMERA = Intrinsics(640, 480, FOCAL_PX, FOCAL_PX, 319.5, 239.5)
DOWN = Placement((1.0, 0.0, HEIGHT_M), (1.0, 0.0, 0.0, 0.0))  # picture right is +x, picture down is -y
GEOMETRY = GeometryOptions(CAMERA, base_from_camera=DOWN, plane=SupportPlane(), noise=PositionNoise(box_px=1.0))
BELT = LineOptions("belt", frame="base", points_m=((1.0, 0.5), (1.0, -0.5)), point="position")
CELL = ZoneOptions("cell", frame="base", polygon_m=((0.8, -0.3), (1.2, -0.3), (1.2, 0.3), (0.8, 0.3)), point="position")
RIGHT_M = [0.5 + 0.05 * step for step in range(21)]
EXACT = Position("base", (0.0, 0.0, 0.0), (1e-6, 0.0, 0.0, 1e-6, 0.0, 1e-6), "plane")


def seen_from_above(xs_m: Sequence[float]) -> list[list[Track]]:
    """A thing that goes along y = 0, as the camera sees it and the position finder places it."""
    finder = PositionFinder("top", GEOMETRY, Sightings())
    frames: list[list[Track]] = []
    for index, x_m in enumerate(xs_m):
        x_px = CAMERA.cx + (x_m - DOWN.translation_m[0]) * FOCAL_PX / HEIGHT_M
        box = (x_px - 20.0, CAMERA.cy - 40.0, x_px + 20.0, CAMERA.cy)
        one = replace(track(1, 0, 0), box_xyxy=box, detected_xyxy=box)
        frames.append(list(finder.place(_frame(index), [one], 0.0).tracks))
    return frames


def at(x_m: float, **changes: object) -> list[Track]:
    """A track whose box never moves, at (x, 0)."""
    position = replace(EXACT, xyz_m=(x_m, 0.0, 0.0), **changes)
    return [replace(track(1, 100, 100), position=position)]


def directions(events: Sequence[Event]) -> list[str | None]:
    return [event.direction for event in events if event.kind == "cross"]


def test_a_line_in_metres_is_crossed_as_it_is_seen_from_above() -> None:
    engine = EventEngine(EventRules(lines=(BELT,)))

    events = play(engine, seen_from_above([*RIGHT_M, *reversed(RIGHT_M)]))

    assert directions(events) == ["out", "in"]
    assert engine.counts()[0].totals == {"in": {"bottle": 1}, "out": {"bottle": 1}}


def test_a_zone_in_metres_is_entered_left_and_counted() -> None:
    engine = EventEngine(EventRules(zones=(CELL,)))

    events = play(engine, seen_from_above(RIGHT_M))

    assert [event.kind for event in events] == ["enter", "count_changed", "leave", "count_changed"]
    entered = next(event for event in events if event.kind == "enter")
    assert 0.8 <= 0.5 + 0.05 * entered.time_s * 10 <= 0.95


def test_the_box_alone_counts_for_nothing_in_metres() -> None:
    frames = [[replace(one, position=None) for one in tracks] for tracks in seen_from_above(RIGHT_M)]

    assert play(EventEngine(EventRules(zones=(CELL,), lines=(BELT,))), frames) == []


def test_a_position_that_is_predicted_or_in_another_frame_counts_for_nothing() -> None:
    path = [0.7, 0.8, 0.9, 1.1, 1.2, 1.3, 1.4]
    predicted = [at(x_m, predicted_s=0.1) for x_m in path]
    elsewhere = [at(x_m, frame="wrist") for x_m in path]

    assert directions(play(EventEngine(EventRules(lines=(BELT,))), predicted)) == []
    assert directions(play(EventEngine(EventRules(lines=(BELT,))), elsewhere)) == []
    assert directions(play(EventEngine(EventRules(lines=(BELT,))), [at(x_m) for x_m in path])) == ["out"]


def test_a_way_that_was_hidden_on_the_line_counts_once_it_is_measured_again() -> None:
    hidden = [at(x_m, predicted_s=0.1) for x_m in (0.95, 1.0, 1.05)]
    frames = [*map(at, (0.7, 0.8, 0.9)), *hidden, *map(at, (1.1, 1.2, 1.3, 1.4))]

    assert directions(play(EventEngine(EventRules(lines=(BELT,))), frames)) == ["out"]


def test_what_is_not_certain_enough_crosses_nothing() -> None:
    rough = (0.04, 0.0, 0.0, 0.01, 0.0, 0.01)  # 0.2 m along x
    path = [0.85, 0.9, 0.95, 1.05, 1.1, 1.12, 1.1, 1.05, 1.1]

    assert directions(play(EventEngine(EventRules(lines=(BELT,))), map(at, path))) == ["out"]
    unsure = [at(x_m, covariance_m2=rough) for x_m in path]
    assert directions(play(EventEngine(EventRules(lines=(BELT,))), unsure)) == []


def test_places_in_metres_need_positions_in_their_frame() -> None:
    assert metric_fault((CELL, BELT), "base") is None
    assert "'cell' is in metres, but the source has no geometry" in (metric_fault((CELL,), None) or "")
    assert "line 'belt' is in frame 'base', but the positions are in frame 'table'" in (
        metric_fault((BELT,), "table") or ""
    )


def _frame(index: int) -> Frame:
    at_ns = index * 100_000_000
    return Frame(
        source="top",
        generation=1,
        index=index,
        pts=None,
        time_base=(1, 1),
        time_s=at_ns / 1e9,
        captured_unix_ns=None,
        clock="file",
        captured_error_ms=None,
        received_ns=at_ns,
        decoded_ns=at_ns,
        frame_id=None,
        image=np.zeros((480, 640, 3), np.uint8),
    )
