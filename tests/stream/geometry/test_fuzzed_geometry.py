"""Whatever calibrations, poses and depths arrive: a position is finite and has its frame, or a reason has its name."""

# hypothesis leaves the types of what it draws open.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundcast.stream.depth_image import DepthImage
from groundcast.stream.geometry.camera_model import CameraModelError
from groundcast.stream.geometry.position_finder import PositionFinder
from groundcast.stream.geometry.rigid_transform import TransformError
from groundcast.stream.geometry.stereo import Sightings
from groundcast.stream.geometry_options import (
    DepthOptions,
    GeometryOptions,
    Intrinsics,
    Placement,
    Size,
    SupportPlane,
)
from groundcast.stream.position import NO_POSITION
from groundcast.stream.wire.position_map import position_map

from .test_position_finder import UNIX_NS, frame, track

QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
number = st.one_of(
    st.floats(-10, 10), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0, 600.0])
)
edge = st.floats(-50, 700)
triple = st.tuples(number, number, number)
quaternion = st.one_of(st.just((1.0, 0.0, 0.0, 0.0)), st.tuples(number, number, number, number))
intrinsics = st.builds(
    Intrinsics,
    st.sampled_from([64, 640, 0]),
    st.sampled_from([48, 480]),
    st.one_of(st.just(60.0), number),
    st.one_of(st.just(60.0), number),
    number,
    number,
    st.sampled_from(["none", "plumb_bob", "rational", "fisheye"]),
    st.one_of(st.just(()), st.lists(number, min_size=4, max_size=5).map(tuple)),
)
depths = st.one_of(
    st.none(),
    st.builds(
        lambda seed, scale, kind, unit_m: DepthImage(
            (np.random.default_rng(seed).random((48, 64)) * scale).astype(kind), unit_m
        ),
        st.integers(0, 1000),
        st.sampled_from([0.0, 1.0, 1500.0, 65000.0]),
        st.sampled_from(["u2", "f4"]),
        st.sampled_from([0.001, 1.0, 1e-6, 1e3]),
    ),
    st.just(DepthImage(np.full((48, 64), np.nan, np.float32), 1.0)),
    st.just(DepthImage(np.full((7, 5), 3, np.uint16), 0.1)),
)


def check(
    camera: Intrinsics, pose: tuple[Any, Any], moving: bool, depth: DepthImage | None, plane: Any, corners: Any
) -> None:
    placement = Placement(*pose)
    options = GeometryOptions(
        camera,
        base_from_camera=None if moving else placement,
        flange_from_camera=Placement() if moving else None,
        depth=DepthOptions(),
        plane=plane,
        sizes=(("red cube", Size(0.05, 0.1)),),
    )
    try:
        finder = PositionFinder("wrist", options, Sightings())
    except (CameraModelError, TransformError):
        return
    if moving:
        for at_ns in (0, 50_000_000, 100_000_000):
            finder.sensors.add_pose(*pose, UNIX_NS + at_ns, at_ns, UNIX_NS)
    left, top, right, bottom = corners
    box = (min(left, right), min(top, bottom), max(left, right) + 1.0, max(top, bottom) + 1.0)
    for index in range(3):
        shot = replace(frame(index, depth_m=None, image=np.zeros((48, 64, 3), np.uint8)), depth=depth)
        placed = finder.place(shot, [track(box)], 0.0)
        (one,) = placed.tracks
        if one.position is None:
            assert one.no_position in NO_POSITION
            continue
        position = one.position
        assert position.frame == "base"
        assert placed.pose is not None  # and so the instant that it is of
        values = [*position.xyz_m, *position.covariance_m2, *(position.velocity_m_s or ())]
        assert all(math.isfinite(value) for value in values)
        assert math.isfinite(position.sigma_m)
        assert position_map(position)["method"]


SHAPES = st.tuples(
    intrinsics,
    st.tuples(triple, quaternion),
    st.booleans(),
    depths,
    st.sampled_from([None, SupportPlane(), SupportPlane((0.0, 1.0, 0.0), -0.4)]),
    st.tuples(edge, edge, edge, edge),
)


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(SHAPES)
def test_no_input_gives_a_position_that_is_not_finite(values: tuple[Any, ...]) -> None:
    check(*values)


@pytest.mark.bar
@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=QUIET)
@given(SHAPES)
def test_ten_thousand_inputs_give_no_position_that_is_not_finite(values: tuple[Any, ...]) -> None:
    check(*values)
