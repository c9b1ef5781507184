"""Where things stand by their boxes' edges: exact shapes are drawn by projection, and found again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.stream.geometry.camera_model import CameraModel
from groundcast.stream.geometry.plane_position import plane_positions
from groundcast.stream.geometry.rigid_transform import RigidTransform
from groundcast.stream.geometry.uncertainty import Measured, fixed_place
from groundcast.stream.geometry_options import Intrinsics, PositionNoise, Size, SupportPlane

CAMERA = CameraModel(Intrinsics(640, 480, 600.0, 600.0, 319.5, 239.5))
NOISE = PositionNoise(box_px=1.0)
RADIUS_M = 0.035
Points = NDArray[np.float64]


def looking(down_deg: float, distance_m: float = 0.8) -> RigidTransform:
    """A camera that looks along y and so far down at the origin."""
    down = math.radians(down_deg)
    forward = np.array([0.0, math.cos(down), -math.sin(down)])
    right = np.array([1.0, 0.0, 0.0])
    return RigidTransform(np.stack([right, np.cross(forward, right), forward], 1), -distance_m * forward)


def ring(radius_m: float, height_m: float) -> Points:
    turn = np.linspace(0, 2 * math.pi, 181)
    return np.stack([radius_m * np.cos(turn), radius_m * np.sin(turn), np.full(181, height_m)], 1)


def ball() -> Points:
    return np.concatenate(
        [ring(RADIUS_M * math.cos(a), RADIUS_M * (1 + math.sin(a))) for a in np.linspace(-1.5, 1.5, 91)]
    )


SHAPES = {
    "can": np.concatenate([ring(RADIUS_M, 0.0), ring(RADIUS_M, 0.09)]),
    "ball": ball(),
    "cone": np.concatenate([ring(RADIUS_M, 0.0), ring(1e-6, 0.085)]),
    "bowl": np.concatenate([ring(0.033, 0.0), ring(0.06, 0.054)]),
}
FOOT: Points = np.array([0.06, 0.05, 0.0])


def found(shape: str, place: RigidTransform, size: Size | None = None, plane: SupportPlane | None = None) -> Measured:
    """The position by the box of a shape that stands at FOOT."""
    pixels = CAMERA.project(place.inverse().apply(SHAPES[shape] + FOOT)) + 0.5
    (left, top), (right, bottom) = pixels.min(0).tolist(), pixels.max(0).tolist()
    camera = fixed_place(place, PositionNoise())
    (one,) = plane_positions([(left, top, right, bottom)], [size], CAMERA, camera, plane or SupportPlane(), NOISE)
    assert isinstance(one, Measured), one
    return one


@pytest.mark.parametrize("down_deg", [20.0, 40.0, 65.0])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_the_foot_lies_within_the_uncertainty_for_any_shape(shape: str, down_deg: float) -> None:
    one = found(shape, looking(down_deg))
    error = one.point_m - FOOT
    sigma_m = np.sqrt(np.diag(one.noise_m2 + one.bias_m2))
    assert one.point_m[2] == pytest.approx(0.0, abs=1e-9)
    assert np.linalg.norm(error) < 0.020
    assert (np.abs(error) < 2.5 * sigma_m).all()
    assert sigma_m.max() < 0.03


@pytest.mark.parametrize("down_deg", [20.0, 40.0, 65.0])
def test_a_known_height_makes_the_foot_more_certain(down_deg: float) -> None:
    unknown = found("can", looking(down_deg))
    known = found("can", looking(down_deg), Size(height_m=0.09))
    assert np.linalg.norm(known.point_m - FOOT) < 0.006
    assert np.trace(known.bias_m2 + known.noise_m2) < np.trace(unknown.bias_m2 + unknown.noise_m2)


def test_a_camera_straight_above_finds_the_foot() -> None:
    one = found("can", RigidTransform(np.diag([1.0, -1.0, -1.0]), FOOT + np.array([0.0, 0.0, 0.9])))
    np.testing.assert_allclose(one.point_m, FOOT, atol=0.003)


def test_a_plane_whose_normal_points_away_from_the_camera_is_the_same_plane() -> None:
    one, other = found("can", looking(40.0)), found("can", looking(40.0), plane=SupportPlane((0.0, 0.0, -1.0), -0.0))
    np.testing.assert_allclose(one.point_m, other.point_m, atol=1e-9)


def test_what_is_known_of_each_thing_concerns_that_thing_alone() -> None:
    pixels = [CAMERA.project(looking(40.0).inverse().apply(SHAPES[shape] + FOOT)) + 0.5 for shape in ("can", "ball")]
    boxes = [(*one.min(0).tolist(), *one.max(0).tolist()) for one in pixels]
    camera = fixed_place(looking(40.0), PositionNoise())
    both = plane_positions(boxes, [Size(height_m=0.09), None], CAMERA, camera, SupportPlane(), NOISE)
    alone = [found("can", looking(40.0), Size(height_m=0.09)), found("ball", looking(40.0))]
    for one, other in zip(both, alone, strict=True):
        assert isinstance(one, Measured)
        np.testing.assert_allclose(one.point_m, other.point_m, atol=1e-9)
        np.testing.assert_allclose(one.bias_m2, other.bias_m2, atol=1e-12)
