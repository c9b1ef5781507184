"""Hand-eye calibration against simulated views: exact where the views are good, refused where they are not."""

# SciPy comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from groundcast.stream.geometry.board_pose import find_board_pose
from groundcast.stream.geometry.calibration_error import CalibrationError
from groundcast.stream.geometry.hand_eye import HandEyeCalibration, calibrate_hand_eye
from groundcast.stream.geometry.hand_eye_fit import METHODS, HandEyeNoise, HandEyeView, closed_form, refine
from groundcast.stream.geometry.rigid_transform import RigidTransform

from .charuco_views import FOCAL_PX, SimulatedViews, board_points, look_at, simulate, turned


def error_of(found: RigidTransform, true: RigidTransform) -> tuple[float, float]:
    """mm and degrees."""
    off = found.inverse() @ true
    return float(np.linalg.norm(off.translation_m)) * 1e3, float(np.degrees(found.angle_to(true)))


def solved(simulated: SimulatedViews, noise: HandEyeNoise | None = None) -> HandEyeCalibration:
    return calibrate_hand_eye(simulated.views, "flange", FOCAL_PX, noise)


def with_poses(views: Sequence[HandEyeView], poses: Sequence[RigidTransform]) -> list[HandEyeView]:
    return [replace(view, base_from_flange=pose) for view, pose in zip(views, poses, strict=True)]


def refused(views: Sequence[HandEyeView]) -> CalibrationError:
    with pytest.raises(CalibrationError) as caught:
        calibrate_hand_eye(views, "flange", FOCAL_PX)
    return caught.value


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_fifteen_views_give_the_camera_to_two_millimetres(seed: int) -> None:
    simulated = simulate(seed)

    metres, degrees = error_of(solved(simulated).fit.mount_from_camera, simulated.flange_from_camera)

    assert metres <= 2.0
    assert degrees <= 0.2


def test_five_methods_are_compared_with_the_joint_fit() -> None:
    found = solved(simulate(5))

    assert set(found.apart_m) == set(METHODS)
    assert sum(apart is not None and apart < 0.005 for apart in found.apart_m.values()) >= 3


def test_a_board_on_the_flange_gives_the_camera_beside_the_robot() -> None:
    simulated = simulate(6)
    # The same geometry with the roles exchanged: the robot's pose is its own inverse.
    views = with_poses(simulated.views, [view.base_from_flange.inverse() for view in simulated.views])

    found = calibrate_hand_eye(views, "base", FOCAL_PX)

    assert error_of(found.fit.mount_from_camera, simulated.flange_from_camera)[0] <= 2.0


@pytest.mark.slow
def test_the_covariance_says_how_far_off_the_result_is() -> None:
    noise = HandEyeNoise(corner_px=0.3, pose_m=0.0005, pose_rad=0.0005)
    distances: list[float] = []
    for seed in range(6):
        simulated = simulate(100 + seed, pose_m=noise.pose_m, pose_rad=noise.pose_rad)
        start = closed_form(simulated.views, "flange")["park"]
        assert start is not None
        fit = refine(simulated.views, "flange", start, FOCAL_PX, noise)
        turn = simulated.flange_from_camera.rotation @ fit.mount_from_camera.rotation.T
        moved = simulated.flange_from_camera.translation_m - fit.mount_from_camera.translation_m
        off = np.concatenate([Rotation.from_matrix(turn).as_rotvec(), moved])
        distances.append(float(off @ np.linalg.solve(fit.covariance, off)))

    assert 1.5 < np.mean(distances) < 11.0  # chi-square with 6 degrees of freedom; the mean of 6 has sigma 1.4


def test_views_that_turn_about_one_axis_are_refused() -> None:
    simulated = simulate(7)
    first = simulated.views[0].base_from_flange
    poses = [first @ turned((0, 0, 0.15 * row), (0.01 * row, 0, 0)) for row in range(15)]

    error = refused(with_poses(simulated.views, poses))

    assert error.reason == "degenerate"
    assert "about one axis only" in str(error)


def test_views_that_hardly_turn_are_refused() -> None:
    simulated = simulate(8)
    first = simulated.views[0].base_from_flange
    poses = [first @ turned((0, 0, 0), (0.02 * row, 0.01 * (row % 3), 0)) for row in range(15)]

    assert refused(with_poses(simulated.views, poses)).reason == "degenerate"


def test_a_mirrored_board_is_refused() -> None:
    error = refused(simulate(9, mirrored=True).views)

    assert error.reason == "mirrored"
    assert "15 of 15" in str(error)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ([*range(14, -1, -1)], "the reverse order"),
        ([*range(1, 15), 0], "shifted against the pictures by 1"),
        ([0, 1, 2, 9, 4, 5, 6, 7, 8, 3, *range(10, 15)], "swapped: 03.png, 09.png"),
        ([0, 1, 2, 9, 4, 3, 6, 7, 8, 5, *range(10, 15)], "swapped: 03.png, 05.png, 09.png"),
        ([0, 1, 2, 3, 5, *range(5, 15)], "in 1 of 15 views"),
    ],
)
def test_a_swapped_pose_order_is_refused_and_said(order: list[int], said: str) -> None:
    views = simulate(10).views

    error = refused(with_poses(views, [views[row].base_from_flange for row in order]))

    assert error.reason == "pose_order"
    assert said in str(error)


def test_inverted_poses_are_refused() -> None:
    views = simulate(11).views

    assert refused(with_poses(views, [view.base_from_flange.inverse() for view in views])).reason == "inverted_poses"


def test_poses_in_millimetres_are_refused() -> None:
    views = simulate(12).views
    poses = [RigidTransform(one.base_from_flange.rotation, one.base_from_flange.translation_m * 1e3) for one in views]

    assert refused(with_poses(views, poses)).reason == "units"


def test_a_board_printed_at_another_scale_is_refused() -> None:
    views: list[HandEyeView] = []
    for view in simulate(13).views:
        pose = find_board_pose(view.board_m * 1.03, view.image_xy, FOCAL_PX)
        assert pose is not None
        views.append(replace(view, board_m=view.board_m * 1.03, camera_from_board=pose.camera_from_board))

    error = refused(views)

    assert error.reason == "board_size"
    assert "0.97" in str(error)


def test_a_board_that_moved_meanwhile_is_refused() -> None:
    views = simulate(14).views
    moved = [turned((0, 0, 0), (0.06, 0, 0)) if row >= 10 else RigidTransform.identity() for row in range(15)]

    error = refused(with_poses(views, [move @ view.base_from_flange for move, view in zip(moved, views, strict=True)]))

    assert error.reason == "contradiction"


def test_too_few_views_are_refused() -> None:
    assert refused(simulate(15, count=5).views).reason == "few_views"


def test_a_board_pose_is_found_from_its_corners() -> None:
    camera_from_board = turned((2.6, 0.4, 0.1), (0.05, 0.02, 0.5))
    base_from_camera = look_at(np.array([0.3, 0.2, 0.5]), np.array([0.0, 0.0, 0.0]), 0.2)
    inside = camera_from_board.apply(board_points())

    found = find_board_pose(board_points(), inside[:, :2] / inside[:, 2:], FOCAL_PX)

    assert found is not None
    assert error_of(base_from_camera @ found.camera_from_board, base_from_camera @ camera_from_board)[0] < 0.01
    assert found.residual_px < 1e-3


def test_corners_on_one_line_give_no_pose() -> None:
    line = board_points()[:7]

    assert find_board_pose(line, line[:, :2] + 0.1, FOCAL_PX) is None
