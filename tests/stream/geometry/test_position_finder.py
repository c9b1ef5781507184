"""Positions of tracks: where they are, as of when, how certain; and each reason why there is none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from groundcast.stream.depth_image import DepthImage
from groundcast.stream.frame import Frame
from groundcast.stream.geometry.position_finder import Placed, PositionFinder
from groundcast.stream.geometry.stereo import Sightings
from groundcast.stream.geometry_options import (
    DepthOptions,
    GeometryOptions,
    Intrinsics,
    Placement,
    PoseOptions,
    PositionNoise,
    Size,
    StereoOptions,
    SupportPlane,
)
from groundcast.stream.position import NO_POSITION, Position
from groundcast.stream.track import Box, Track

MS = 1_000_000
UNIX_NS = 1_790_000_000_000 * MS
CAMERA = Intrinsics(640, 480, 600.0, 600.0, 319.5, 239.5)
DOWN = Placement((0.4, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0))  # 1 m above the table, looking down
FIXED = GeometryOptions(CAMERA, base_from_camera=DOWN, plane=SupportPlane(), depth=DepthOptions())
BOX: Box = (300.0, 200.0, 380.0, 280.0)  # a cube of 0.05 m height below the camera
TRUTH = (0.4 + 20 / 600 * 0.95, 0.0, 0.05)


def frame(index: int = 0, *, depth_m: float | None = 0.95, unit_m: float = 0.001, **changes: Any) -> Frame:
    """A picture at 30 Hz with a depth picture of a cube on a table."""
    depth: DepthImage | None = None
    if depth_m is not None:
        values = np.full((480, 640), 1000, np.uint16)
        values[200:280, 300:380] = round(depth_m * 1000)
        depth = DepthImage(values, unit_m)
    at_ns = index * 33 * MS
    facts: dict[str, Any] = {
        "source": "wrist",
        "generation": 1,
        "index": index,
        "pts": None,
        "time_base": (1, 1),
        "time_s": at_ns / 1e9,
        "captured_unix_ns": UNIX_NS + at_ns,
        "clock": "push",
        "captured_error_ms": 20.0,
        "received_ns": at_ns,
        "decoded_ns": at_ns,
        "frame_id": None,
        "image": np.zeros((480, 640, 3), np.uint8),
        "captured_monotonic_ns": at_ns,
        "depth": depth,
    }
    return Frame(**{**facts, **changes})


def track(box: Box | None = BOX, phrase: str = "red cube") -> Track:
    state = "coasting" if box is None else "matched"
    return Track(1, "u-1", phrase, 0.9, box or BOX, box, state, None, None, 1.0, 0, (0.0, 0.0))


def place(options: GeometryOptions, one: Track | None = None, shot: Frame | None = None) -> Placed:
    return PositionFinder("wrist", options, Sightings()).place(shot or frame(), [one or track()], 0.0)


def reason(options: GeometryOptions, one: Track | None = None, shot: Frame | None = None) -> str:
    (placed,) = place(options, one, shot).tracks
    assert placed.position is None
    assert placed.no_position in NO_POSITION
    return placed.no_position or ""


def position(placed: Placed) -> Position:
    (one,) = placed.tracks
    assert one.position is not None, one.no_position
    return one.position


MOVING = replace(FIXED, base_from_camera=None, flange_from_camera=Placement())


def test_depth_gives_the_thing_in_the_robots_frame() -> None:
    found = place(FIXED)
    one = position(found)
    assert (one.frame, one.method, one.predicted_s) == ("base", "depth", None)
    np.testing.assert_allclose(one.xyz_m, TRUTH, atol=0.003)
    assert 0.001 < one.sigma_m < 0.02
    assert found.pose is not None
    assert (found.pose.translation_m, found.pose.gap_ms) == ((0.4, 0.0, 1.0), None)
    assert len(found.calibration) == 16


def test_the_plane_gives_where_it_stands() -> None:
    tilted = Placement((0.0, 0.0, 0.8), (math.sin(math.radians(115 / 2)), 0.0, 0.0, math.cos(math.radians(115 / 2))))
    options = replace(FIXED, depth=None, base_from_camera=tilted)
    one = position(place(options))
    assert one.method == "plane"
    assert one.xyz_m[2] == pytest.approx(0.0, abs=1e-9)
    known = replace(options, sizes=(("red cube", Size(height_m=0.05)),))
    assert position(place(known)).sigma_m < one.sigma_m


def test_a_known_size_gives_the_distance() -> None:
    options = replace(FIXED, depth=None, plane=None, sizes=(("red cube", Size(width_m=80 / 600 * 0.95)),))
    one = position(place(options))
    assert one.method == "size"
    assert one.xyz_m[2] == pytest.approx(0.05, abs=0.002)


def test_two_cameras_triangulate_what_both_see() -> None:
    stereo = StereoOptions("left")
    options = replace(FIXED, depth=None, plane=None, stereo=stereo)
    sightings = Sightings()
    left = replace(
        options, base_from_camera=replace(DOWN, translation_m=(0.6, 0.0, 1.0)), stereo=StereoOptions("wrist")
    )
    shifted = (BOX[0] - 0.2 / 0.95 * 600, BOX[1], BOX[2] - 0.2 / 0.95 * 600, BOX[3])
    PositionFinder("left", left, sightings).place(frame(), [track(shifted)], 0.0)
    finder = PositionFinder("wrist", options, sightings)
    one = position(finder.place(frame(), [track()], 0.0))
    assert one.method == "stereo"
    np.testing.assert_allclose(one.xyz_m, TRUTH, atol=0.004)
    (late,) = finder.place(frame(9), [track()], 0.0).tracks
    assert late.position is None or late.position.predicted_s


@pytest.mark.parametrize(
    ("why", "options", "one", "shot"),
    [
        ("no_calibration", FIXED, track(), frame(image=np.zeros((720, 1280, 3), np.uint8))),
        ("no_capture_time", MOVING, track(), frame(captured_monotonic_ns=None, captured_unix_ns=None, clock="file")),
        ("no_pose", MOVING, track(), frame()),
        ("no_depth", replace(FIXED, plane=None), track(), frame(depth_m=None)),
        ("no_depth", replace(FIXED, plane=None), track(), frame(depth_m=0.0)),
        ("no_plane_hit", replace(FIXED, depth=None, plane=SupportPlane(offset_m=1.5)), track(), frame()),
        ("no_size", replace(FIXED, depth=None, plane=None, sizes=(("mug", Size(0.1)),)), track(), frame()),
        ("no_partner", replace(FIXED, depth=None, plane=None, stereo=StereoOptions("left")), track(), frame()),
        ("cut_off", replace(FIXED, depth=None), track((300.0, 400.0, 380.0, 480.0)), frame()),
        ("not_seen", FIXED, track(None), frame()),
        ("uncertain", replace(FIXED, max_sigma_m=0.0005), track(), frame()),
        (
            "out_of_range",
            replace(FIXED, depth=None, plane=None, sizes=(("red cube", Size(90.0)),)),
            track((300.0, 200.0, 310.0, 210.0)),
            frame(),
        ),
    ],
)
def test_each_reason_has_its_name(why: str, options: GeometryOptions, one: Track, shot: Frame) -> None:
    assert reason(options, one, shot) == why


def test_a_stale_pose_is_named() -> None:
    finder = PositionFinder("wrist", MOVING, Sightings())
    for at_ns in (0, 8 * MS):
        finder.sensors.add_pose(DOWN.translation_m, DOWN.quaternion_xyzw, UNIX_NS + at_ns, at_ns, UNIX_NS)
    (late,) = finder.place(frame(30), [track()], 0.0).tracks
    assert (late.position, late.no_position) == (None, "stale_pose")
    (now,) = finder.place(frame(0), [track()], 0.0).tracks
    assert now.position is not None


def test_a_moving_cameras_pose_is_that_of_the_capture_time() -> None:
    finder = PositionFinder("wrist", MOVING, Sightings())
    for step in range(20):
        at_ns, x = step * 8 * MS, 0.4 + 0.3 * step * 0.008
        finder.sensors.add_pose((x, 0.0, 1.0), DOWN.quaternion_xyzw, UNIX_NS + at_ns, at_ns + 40 * MS, UNIX_NS)
    found = finder.place(frame(2), [track()], 0.0)
    assert found.pose is not None
    assert found.pose.translation_m[0] == pytest.approx(0.4 + 0.3 * 0.066)
    assert found.pose.gap_ms == pytest.approx(2.0)
    sent_ns = UNIX_NS + 66 * MS + 10 * MS  # the stamp, 10 ms after the light: camera_latency_ms
    late = finder.place(frame(2, captured_sent_unix_ns=sent_ns), [track()], 10.0)
    assert late.pose == found.pose


def test_coasting_predicts_with_growing_uncertainty_and_then_ends() -> None:
    finder = PositionFinder("wrist", replace(FIXED, coast_s=0.3, max_sigma_m=1.0), Sightings())
    sigmas = [position(finder.place(frame(0), [track()], 0.0)).sigma_m]
    for index in range(1, 9):
        one = position(finder.place(frame(index), [track(None)], 0.0))
        assert one.predicted_s == pytest.approx(index * 0.033)
        assert one.valid_share is None
        sigmas.append(one.sigma_m)
    assert sigmas == sorted(sigmas)
    (ended,) = finder.place(frame(12), [track(None)], 0.0).tracks
    assert (ended.position, ended.no_position) == (None, "not_seen")


def test_a_unit_that_cannot_be_is_warned_of() -> None:
    finder = PositionFinder("wrist", replace(FIXED, plane=None), Sightings())
    (one,) = finder.place(frame(unit_m=1.0), [track()], 0.0).tracks
    assert one.no_position == "no_depth"
    assert "is `depth_unit_m` right?" in (finder.warning or "")


def test_a_depth_camera_of_its_own_is_registered() -> None:
    beside = Placement((0.05, 0.0, 0.0))
    options = replace(FIXED, depth=DepthOptions(camera=CAMERA, colour_from_depth=beside))
    values = np.full((480, 640), 1000, np.uint16)
    shift = round(0.05 / 0.95 * 600)
    values[200:280, 300 - shift : 380 - shift] = 950
    one = position(place(options, shot=frame(depth=DepthImage(values, 0.001))))
    np.testing.assert_allclose(one.xyz_m, TRUTH, atol=0.006)


def test_depth_that_is_sent_alone_is_paired_by_capture_time() -> None:
    finder = PositionFinder("wrist", replace(FIXED, plane=None), Sightings())
    sent = frame(0).depth
    assert sent is not None
    finder.sensors.add_depth(sent, UNIX_NS + 15 * MS, UNIX_NS)
    assert position(finder.place(frame(0, depth_m=None), [track()], 0.0)).method == "depth"
    assert reason(replace(FIXED, plane=None), shot=frame(3, depth_m=None)) == "no_depth"


def test_a_changed_calibration_has_another_version() -> None:
    versions = {
        place(options).calibration
        for options in (
            FIXED,
            replace(FIXED, camera=replace(CAMERA, fx=601.0)),
            replace(FIXED, base_from_camera=replace(DOWN, translation_m=(0.4, 0.0, 1.01))),
            replace(FIXED, plane=SupportPlane(offset_m=0.01)),
            replace(FIXED, poses=PoseOptions(keep_s=1.0), noise=PositionNoise(box_px=1.0)),
        )
    }
    assert len(versions) == 4
