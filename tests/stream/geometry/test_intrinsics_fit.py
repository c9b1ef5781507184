"""Intrinsics and planes from simulated corners."""

from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.geometry.board_pose import BoardCorners
from groundcast.stream.geometry.calibration_error import CalibrationError
from groundcast.stream.geometry.camera_model import CameraModel
from groundcast.stream.geometry.intrinsics_fit import coverage_of, fit_intrinsics
from groundcast.stream.geometry.plane_fit import fit_plane
from groundcast.stream.geometry.rigid_transform import RigidTransform
from groundcast.stream.geometry_options import Distortion, Intrinsics

from .charuco_views import board_points, turned

_LENSES: dict[Distortion, tuple[float, ...]] = {
    "none": (),
    "plumb_bob": (-0.2, 0.06, 0.001, -0.001, 0.0),
    "rational": (-0.2, 0.06, 0.001, -0.001, 0.0, 0.02, 0.0, 0.0),
    "fisheye": (0.02, -0.01, 0.004, 0.0),
}


def views_through(camera: CameraModel, *, tilt_rad: float = 0.5, count: int = 20) -> list[BoardCorners]:
    rng = np.random.default_rng(4)
    points = board_points()
    views: list[BoardCorners] = []
    for row in range(count):
        across, down = (row % 4 / 3 - 0.5) * 0.26, (row // 4 / 4 - 0.5) * 0.16
        turn = turned((*rng.uniform(-tilt_rad, tilt_rad, 2), rng.uniform(-0.5, 0.5)))
        pose = RigidTransform(turn.rotation, np.array([across, down, 0.42]) - turn.rotation @ points.mean(0))
        pixels = camera.project(pose.apply(points)) + rng.normal(0, 0.2, (len(points), 2))
        inside = np.all((pixels >= 0) & (pixels < camera.size), axis=1)
        views.append(BoardCorners(f"{row}", np.flatnonzero(inside), points[inside], pixels[inside]))
    return views


@pytest.mark.parametrize("distortion", list(_LENSES))
def test_each_lens_model_is_found_again(distortion: Distortion) -> None:
    true = CameraModel(Intrinsics(640, 480, 520.0, 521.0, 318.0, 243.0, distortion, _LENSES[distortion]))

    fit = fit_intrinsics(views_through(true), 640, 480, distortion)

    rays = true.rays(np.array([[100.0, 100.0], [320.0, 240.0], [540.0, 380.0]]))
    off = fit.camera.project(rays) - true.project(rays)
    assert np.abs(off - off.mean(0)).max() < 1.0
    assert np.abs(off.mean(0)).max() < 4 * fit.centre_sigma_px + 0.5  # the centre is the least certain value
    assert fit.residual_px < 0.5
    assert fit.focal_sigma < 0.01


def test_a_board_that_is_never_tilted_is_refused() -> None:
    true = CameraModel(Intrinsics(640, 480, 520.0, 520.0, 320.0, 240.0))

    with pytest.raises(CalibrationError, match="tilted by 20 to 45 degrees") as caught:
        fit_intrinsics(views_through(true, tilt_rad=0.02), 640, 480)

    assert caught.value.reason == "degenerate"


def test_too_few_views_are_refused() -> None:
    true = CameraModel(Intrinsics(640, 480, 520.0, 520.0, 320.0, 240.0))

    with pytest.raises(CalibrationError) as caught:
        fit_intrinsics(views_through(true)[:5], 640, 480)

    assert caught.value.reason == "few_views"


def test_corners_of_a_mirrored_board_are_refused() -> None:
    true = CameraModel(Intrinsics(640, 480, 520.0, 520.0, 319.5, 240.0))
    views = [
        BoardCorners(one.name, one.ids, one.board_m, one.image_px * (-1, 1) + (639, 0)) for one in views_through(true)
    ]

    with pytest.raises(CalibrationError) as caught:
        fit_intrinsics(views, 640, 480)

    assert caught.value.reason == "mirrored"


def test_coverage_says_which_part_of_the_picture_has_no_corners() -> None:
    true = CameraModel(Intrinsics(640, 480, 520.0, 520.0, 320.0, 240.0))
    left = [BoardCorners(one.name, one.ids, one.board_m, one.image_px * (0.4, 1.0)) for one in views_through(true)]

    said = coverage_of(left, 640, 480).missing

    assert any("right" in one for one in said)


def test_a_plane_is_found_with_its_normal_up() -> None:
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-0.3, 0.3, (40, 2)), 0.05 + rng.normal(0, 0.0005, 40)])

    fit = fit_plane(points)

    assert fit.plane.offset_m == pytest.approx(0.05, abs=0.0005)
    assert fit.plane.normal[2] > 0.999
    assert fit.residual_m < 0.001


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([[0, 0, 0], [1, 0, 0]], "few_views"),
        ([[0, 0, 0], [1, 0, 0], [2, 0, 0.001]], "degenerate"),
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0.1]], "not_flat"),
    ],
)
def test_points_that_make_no_plane_are_refused(points: list[list[float]], reason: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        fit_plane(np.array(points, float))

    assert caught.value.reason == reason
