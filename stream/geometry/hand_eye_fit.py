"""Hand-eye fit: the closed-form methods, then one weighted least-squares fit of all corners of all views."""

# SciPy comes without types, and OpenCV's and NumPy's leave much open.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares
from scipy.spatial.transform import Rotation

from .board_pose import Matrix
from .rigid_transform import RigidTransform, TransformError, skew

Mount = Literal["flange", "base"]

METHODS = {
    "tsai": cv2.CALIB_HAND_EYE_TSAI,
    "park": cv2.CALIB_HAND_EYE_PARK,
    "horaud": cv2.CALIB_HAND_EYE_HORAUD,
    "andreff": cv2.CALIB_HAND_EYE_ANDREFF,
    "daniilidis": cv2.CALIB_HAND_EYE_DANIILIDIS,
}


@dataclass(frozen=True, slots=True)
class HandEyeView:
    """One picture of the board with the robot's pose at that moment.

    Args:
        name: of the picture, for reports.
        base_from_flange: the robot's pose.
        camera_from_board: from `find_board_pose`.
        board_m: (n, 3), the corners in the board's frame.
        image_xy: (n, 2), the corners on the plane z = 1 of the camera's frame, without distortion.
        from_behind: the corners lie as on a mirrored board.
    """

    name: str
    base_from_flange: RigidTransform
    camera_from_board: RigidTransform
    board_m: Matrix
    image_xy: Matrix
    from_behind: bool = False


@dataclass(frozen=True, slots=True)
class HandEyeNoise:
    """What is known of the measurements' errors, one sigma each.

    Args:
        corner_px: of a corner in the picture.
        pose_m, pose_rad: of the robot's poses, along and about each axis.
    """

    corner_px: float = 0.3
    pose_m: float = 0.0005
    pose_rad: float = 0.0005


@dataclass(frozen=True, slots=True)
class HandEyeFit:
    """A solved hand-eye calibration.

    With the camera on the flange, `mount_from_camera` is flange_from_camera and `other_from_board` is base_from_board.
    With the camera beside the robot and the board on the flange they are base_from_camera and flange_from_board.

    Args:
        mount_from_camera: the result.
        other_from_board: where the board stands in the frame in which it does not move.
        covariance: (6, 6) of mount_from_camera: rotation (rad) about, then translation (m) along the mount's axes.
        residuals_px: (views,) root mean square distance of each view's corners from their projections, px.
        offsets_m, offsets_rad: (views,) how far the board seen in each view stands from `other_from_board`.
        chi2: the weighted squared residuals over the degrees of freedom; about 1 where the noise is as stated.
        board_scale: the size of the board that fits best, over the stated size; its sigma is `board_scale_sigma`.
        scaled_chi2: as `chi2`, of the fit in which the board's size varies.
    """

    mount_from_camera: RigidTransform
    other_from_board: RigidTransform
    covariance: Matrix
    residuals_px: NDArray[np.float64]
    offsets_m: NDArray[np.float64]
    offsets_rad: NDArray[np.float64]
    chi2: float
    board_scale: float
    board_scale_sigma: float
    scaled_chi2: float

    @property
    def sigma_m(self) -> float:
        """The standard deviation of the camera's position: the root of the summed variances."""
        return float(np.sqrt(np.trace(self.covariance[3:, 3:])))

    @property
    def sigma_rad(self) -> float:
        """The standard deviation of the camera's rotation: the root of the summed variances."""
        return float(np.sqrt(np.trace(self.covariance[:3, :3])))


def closed_form(views: Sequence[HandEyeView], mount: Mount) -> dict[str, RigidTransform | None]:
    """mount_from_camera by each closed-form method of OpenCV; None where it gives no rigid transform."""
    from_mount = [mount_pose(view, mount) for view in views]
    seen = [view.camera_from_board for view in views]
    return {name: _by_method(method, from_mount, seen) for name, method in METHODS.items()}


def mount_pose(view: HandEyeView, mount: Mount) -> RigidTransform:
    """The robot's pose that the equation needs: base_from_flange, or its inverse where the board is on the flange."""
    return view.base_from_flange if mount == "flange" else view.base_from_flange.inverse()


def refine(
    views: Sequence[HandEyeView], mount: Mount, start: RigidTransform, focal_px: float, noise: HandEyeNoise
) -> HandEyeFit:
    """Fit both unknown transforms at once to all corners of all views, by weighted least squares.

    The weights come from the noise of the corners and of the robot's poses: an error of the robot's angles moves the
    corners most in views from afar, which then count less. A robust loss limits the influence of single bad corners.
    A second fit lets the board's size vary, which shows a wrong square size or a printer's scaling.

    Args:
        views: at least three.
        mount: what the camera is mounted on.
        start: mount_from_camera of a closed-form method.
        focal_px: the camera's focal length, px.
        noise: one sigma of each measurement.
    """
    problem = _problem(views, mount, focal_px)
    vector = np.concatenate([_as_vector(start), _as_vector(_mean_other(views, mount, start)), [0.0]])
    rough = _fit(problem, vector, _weights(problem, vector, noise), free=12)
    weights = _weights(problem, np.append(rough.x, 0.0), noise)  # they depend on the solution, though little
    fixed = _fit(problem, np.append(rough.x, 0.0), weights, free=12)
    vector = np.append(fixed.x, 0.0)
    scaled = _fit(problem, vector, weights, free=13)
    residuals = problem.image_xy.size
    chi2 = float(2 * fixed.cost / max(1, residuals - 12))
    covariance = np.linalg.pinv(fixed.jac.T @ fixed.jac)[:6, :6] * max(1.0, chi2)
    turn = np.eye(6)
    turn[:3, :3] = _left_jacobian(vector[:3])  # from the rotation vector to a turn about the mount's axes
    scaled_chi2 = float(2 * scaled.cost / max(1, residuals - 13))
    scale_variance = np.linalg.pinv(scaled.jac.T @ scaled.jac)[12, 12] * max(1.0, scaled_chi2)
    fit = HandEyeFit(
        mount_from_camera=_as_transform(vector[:6]),
        other_from_board=_as_transform(vector[6:12]),
        covariance=turn @ covariance @ turn.T,
        residuals_px=_view_rms(problem, vector),
        offsets_m=np.zeros(len(views)),
        offsets_rad=np.zeros(len(views)),
        chi2=chi2,
        board_scale=float(np.exp(scaled.x[12])),
        board_scale_sigma=float(np.sqrt(scale_variance)),
        scaled_chi2=scaled_chi2,
    )
    return _with_offsets(fit, views, mount)


def _by_method(
    method: int, from_mount: Sequence[RigidTransform], seen: Sequence[RigidTransform]
) -> RigidTransform | None:
    try:
        rotation, translation = cv2.calibrateHandEye(
            [pose.rotation for pose in from_mount],
            [pose.translation_m for pose in from_mount],
            [pose.rotation for pose in seen],
            [pose.translation_m for pose in seen],
            method=method,
        )
    except cv2.error:
        return None
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.asarray(rotation, np.float64), np.asarray(translation, np.float64).ravel()
    try:
        return RigidTransform.from_matrix(matrix)
    except TransformError:  # Andreff's method gives NaN on some views
        return None


def _mean_other(views: Sequence[HandEyeView], mount: Mount, mount_from_camera: RigidTransform) -> RigidTransform:
    """The mean over the views of where the board stands in the frame that it does not move in."""
    poses = [mount_pose(view, mount) @ mount_from_camera @ view.camera_from_board for view in views]
    rotation = Rotation.from_matrix([pose.rotation for pose in poses]).mean().as_matrix()
    return RigidTransform(rotation, np.median([pose.translation_m for pose in poses], axis=0))


@dataclass(frozen=True, slots=True)
class _Problem:
    """All views as arrays: each corner's view, its place on the board, and in the picture."""

    mount_from_world: Matrix
    row: NDArray[np.int64]
    board_m: Matrix
    image_xy: Matrix
    focal_px: float


def _problem(views: Sequence[HandEyeView], mount: Mount, focal_px: float) -> _Problem:
    return _Problem(
        np.stack([mount_pose(view, mount).inverse().matrix for view in views]),
        np.repeat(np.arange(len(views)), [len(view.board_m) for view in views]),
        np.concatenate([view.board_m for view in views]),
        np.concatenate([view.image_xy for view in views]),
        focal_px,
    )


def _apart_px(problem: _Problem, vector: NDArray[np.float64], mount_from_world: Matrix | None = None) -> Matrix:
    """(n, 2) how far each corner lies from its projection, px."""
    poses = problem.mount_from_world if mount_from_world is None else mount_from_world
    camera_from_board = _as_transform(vector[:6]).inverse().matrix @ poses @ _as_transform(vector[6:12]).matrix
    rotations, translations = camera_from_board[problem.row, :3, :3], camera_from_board[problem.row, :3, 3]
    inside = np.einsum("nij,nj->ni", rotations, problem.board_m * np.exp(vector[12])) + translations
    depth = np.where(np.abs(inside[:, 2:]) < 1e-6, 1e-6, inside[:, 2:])
    return (inside[:, :2] / depth - problem.image_xy) * problem.focal_px


def _fit(problem: _Problem, start: NDArray[np.float64], weights: Sequence[Matrix], free: int) -> OptimizeResult:
    """Fit the first 12 numbers (two transforms), or all 13 with the logarithm of the board's scale."""

    def residuals(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        apart = _apart_px(problem, np.append(vector, start[free:]))
        parts = [weight @ apart[problem.row == view].ravel() for view, weight in enumerate(weights)]
        return np.concatenate(parts)

    return least_squares(residuals, start[:free], loss="soft_l1", f_scale=3.0)


def _weights(problem: _Problem, vector: NDArray[np.float64], noise: HandEyeNoise) -> list[Matrix]:
    """The whitening matrix of each view: the corners' noise, and the pose's noise carried into pixels."""
    at, step = _apart_px(problem, vector), 1e-6
    columns: list[Matrix] = []
    for axis, sigma in enumerate([noise.pose_rad] * 3 + [noise.pose_m] * 3):
        small = np.zeros(6)
        small[axis] = step
        moved = _as_transform(small).inverse().matrix @ problem.mount_from_world
        columns.append((_apart_px(problem, vector, moved) - at) / step * sigma)
    weights: list[Matrix] = []
    for view in range(len(problem.mount_from_world)):
        spread = np.stack([column[problem.row == view].ravel() for column in columns], axis=1)
        covariance = np.eye(len(spread)) * noise.corner_px**2 + spread @ spread.T
        weights.append(np.linalg.inv(np.linalg.cholesky(covariance)))
    return weights


def _view_rms(problem: _Problem, vector: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = np.sum(_apart_px(problem, vector) ** 2, axis=1)
    return np.sqrt(np.bincount(problem.row, squares) / np.bincount(problem.row))


def _with_offsets(fit: HandEyeFit, views: Sequence[HandEyeView], mount: Mount) -> HandEyeFit:
    metres: list[float] = []
    angles: list[float] = []
    for view in views:
        off = fit.other_from_board.inverse() @ mount_pose(view, mount) @ fit.mount_from_camera @ view.camera_from_board
        middle = view.board_m.mean(0)
        metres.append(float(np.linalg.norm(off.apply(middle) - middle)))
        angles.append(off.angle_to(RigidTransform.identity()))
    return replace(fit, offsets_m=np.array(metres), offsets_rad=np.array(angles))


def _left_jacobian(vector: NDArray[np.float64]) -> Matrix:
    """(3, 3), turns a small change of a rotation vector into a turn about the fixed axes."""
    angle = float(np.linalg.norm(vector))
    cross = skew(vector)
    if angle < 1e-6:
        return np.eye(3) + cross / 2
    first, second = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    return np.eye(3) + first * cross + second * cross @ cross


def _as_vector(pose: RigidTransform) -> NDArray[np.float64]:
    return np.concatenate([Rotation.from_matrix(pose.rotation).as_rotvec(), pose.translation_m])


def _as_transform(vector: NDArray[np.float64]) -> RigidTransform:
    return RigidTransform(Rotation.from_rotvec(vector[:3]).as_matrix(), vector[3:6])
