"""Simulated views of a charuco board by a camera on a robot, with the noise that a test asks for."""

# SciPy comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from groundcast.stream.geometry.board_pose import find_board_pose
from groundcast.stream.geometry.hand_eye_fit import HandEyeView
from groundcast.stream.geometry.rigid_transform import RigidTransform

FOCAL_PX = 600.0
SQUARE_M = 0.03


@dataclass(frozen=True)
class SimulatedViews:
    """Views, and the transform that they were made with."""

    views: list[HandEyeView]
    flange_from_camera: RigidTransform


def turned(vector: object, translation_m: object = (0.0, 0.0, 0.0)) -> RigidTransform:
    return RigidTransform(Rotation.from_rotvec(vector).as_matrix(), np.asarray(translation_m, float))


def board_points(columns: int = 7, rows: int = 5) -> NDArray[np.float64]:
    across, down = np.meshgrid(np.arange(1, columns + 1) * SQUARE_M, np.arange(1, rows + 1) * SQUARE_M)
    return np.stack([across.ravel(), down.ravel(), np.zeros(across.size)], axis=1)


def look_at(position: NDArray[np.float64], target: NDArray[np.float64], roll_rad: float) -> RigidTransform:
    """base_from_camera of a camera with the target in the middle of its picture."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    level = np.stack([right, np.cross(forward, right), forward], axis=1)
    return RigidTransform(level @ Rotation.from_euler("z", roll_rad).as_matrix(), position)


def simulate(
    seed: int,
    *,
    count: int = 15,
    corner_px: float = 0.3,
    pose_m: float = 0.0,
    pose_rad: float = 0.0,
    mirrored: bool = False,
) -> SimulatedViews:
    """Views from all around, 30 to 55 cm away. `mirrored` gives the corners as a mirrored board shows them."""
    rng = np.random.default_rng(seed)
    flange_from_camera = turned(rng.normal(0, 0.3, 3), rng.uniform(-0.08, 0.08, 3))
    base_from_board = RigidTransform(
        Rotation.from_euler("xz", [np.pi, rng.uniform(-3, 3)]).as_matrix(), np.array([0.5, 0, 0])
    )
    points = board_points()
    shown = points * (-1, 1, 1) if mirrored else points
    middle = base_from_board.apply(shown.mean(0))
    views: list[HandEyeView] = []
    for row in range(count):
        angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.4)
        side = np.array([np.cos(slope) * np.cos(angle), np.cos(slope) * np.sin(angle), np.sin(slope)])
        base_from_camera = look_at(middle + rng.uniform(0.3, 0.55) * side, middle, rng.uniform(-1, 1))
        inside = (base_from_camera.inverse() @ base_from_board).apply(shown)
        image_xy = inside[:, :2] / inside[:, 2:] + rng.normal(0, corner_px / FOCAL_PX, (len(points), 2))
        found = find_board_pose(points, image_xy, FOCAL_PX)
        assert found is not None
        error = turned(rng.normal(0, pose_rad, 3), rng.normal(0, pose_m, 3))
        pose = base_from_camera @ flange_from_camera.inverse() @ error
        views.append(HandEyeView(f"{row:02}.png", pose, found.camera_from_board, points, image_xy, found.from_behind))
    return SimulatedViews(views, flange_from_camera)
