"""Intrinsics fit: a camera's focal lengths, centre and distortion from pictures of a board, with what they lack."""

# OpenCV's types leave much open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry_options import Distortion, Intrinsics
from .board_pose import BoardCorners, Matrix, find_board_pose
from .calibration_error import CalibrationError
from .camera_model import CameraModel
from .rigid_transform import RigidTransform

GRID = (4, 6)  # rows and columns of the coverage map
MIN_CORNERS = 12
MIN_VIEWS = 8
MIN_COVERAGE = 0.6
MIN_TILT_RAD = np.radians(12.0)
MAX_FOCAL_SIGMA = 0.01  # relative
MAX_RESIDUAL_PX = 2.0
_WORST_CELL = {0: "upper", 1: "middle", 2: "lower"}


@dataclass(frozen=True, slots=True)
class IntrinsicsFit:
    """A calibrated camera and how well it is known.

    Args:
        camera: the result.
        residual_px: root mean square distance of the corners from their projections, px.
        view_residuals_px: (views,) the same for each view.
        focal_sigma: the relative standard deviation of the focal length.
        centre_sigma_px: the standard deviation of the principal point, px.
        board_poses: camera_from_board of each view.
        warnings: sentences about views that fit badly.
    """

    camera: CameraModel
    residual_px: float
    view_residuals_px: NDArray[np.float64]
    focal_sigma: float
    centre_sigma_px: float
    board_poses: tuple[RigidTransform, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ViewCoverage:
    """What the views of a board show so far.

    Args:
        cells: (4, 6) the number of corners in each part of the picture.
        tilt_rad: how far the board was tilted against the picture's plane, the 80th percentile of the views.
        views: how many have enough corners.
    """

    cells: NDArray[np.int64]
    tilt_rad: float
    views: int

    @property
    def share(self) -> float:
        """The share of the picture's parts that have corners."""
        return float(np.mean(self.cells > 0))

    @property
    def missing(self) -> tuple[str, ...]:
        """What to show next, in words; empty where the views are enough."""
        said: list[str] = []
        if self.views < MIN_VIEWS:
            said.append(f"{MIN_VIEWS - self.views} more views")
        if self.share < MIN_COVERAGE or self.views < MIN_VIEWS:
            places = dict.fromkeys(_place(row, column) for row, column in np.argwhere(self.cells == 0).tolist())
            if places:
                said.append("the board in the " + ", ".join(places))
        if self.tilt_rad < MIN_TILT_RAD:
            said.append("the board tilted by 20 to 45 degrees")
        return tuple(said)


def coverage_of(views: Sequence[BoardCorners], width: int, height: int) -> ViewCoverage:
    """Which parts of the picture the corners cover, and how the board was tilted.

    The tilt is judged with a rough focal length, since the true one is not known yet.
    """
    cells = np.zeros(GRID, np.int64)
    tilts: list[float] = []
    rough_px = 0.9 * max(width, height)
    for view in views:
        across = np.clip(view.image_px[:, 0] / width * GRID[1], 0, GRID[1] - 1).astype(int)
        down = np.clip(view.image_px[:, 1] / height * GRID[0], 0, GRID[0] - 1).astype(int)
        np.add.at(cells, (down, across), 1)
        pose = find_board_pose(view.board_m, (view.image_px - (width / 2, height / 2)) / rough_px, rough_px)
        if pose is not None:
            tilts.append(float(np.arccos(min(1.0, abs(pose.camera_from_board.rotation[2, 2])))))
    return ViewCoverage(cells, float(np.percentile(tilts, 80)) if tilts else 0.0, len(views))


def fit_intrinsics(
    views: Sequence[BoardCorners], width: int, height: int, distortion: Distortion = "plumb_bob"
) -> IntrinsicsFit:
    """Calibrate a camera (Zhang 2000, as OpenCV implements it).

    Args:
        views: of one board, in pictures of this size.
        width, height: px.
        distortion: the lens model; "none" fits a lens without distortion.

    Raises:
        CalibrationError: too few views or corners, a board that is always in the same place or never tilted, a
            mirrored picture, residuals or uncertainties that are too large.
    """
    usable = [view for view in views if len(view.ids) >= MIN_CORNERS]
    if len(usable) < MIN_VIEWS:
        raise CalibrationError(
            "few_views",
            f"{len(usable)} views with at least {MIN_CORNERS} corners (of {len(views)} with a board): take {MIN_VIEWS} "
            "or more",
        )
    coverage = coverage_of(usable, width, height)
    if coverage.missing:
        reason = "degenerate" if coverage.tilt_rad < MIN_TILT_RAD else "coverage"
        raise CalibrationError(reason, f"the views lack {'; '.join(coverage.missing)}: add pictures that show it")
    fit = _fisheye(usable, width, height) if distortion == "fisheye" else _pinhole(usable, width, height, distortion)
    _check(fit, usable)
    return fit


def _pinhole(views: Sequence[BoardCorners], width: int, height: int, distortion: Distortion) -> IntrinsicsFit:
    flags = {
        "none": cv2.CALIB_FIX_K1 | cv2.CALIB_FIX_K2 | cv2.CALIB_FIX_K3 | cv2.CALIB_ZERO_TANGENT_DIST,
        "plumb_bob": 0,
        "rational": cv2.CALIB_RATIONAL_MODEL,
    }[distortion]
    residual, matrix, coefficients, turns, moves, sigmas, _, each = cv2.calibrateCameraExtended(
        [view.board_m.astype(np.float32) for view in views],
        [view.image_px.astype(np.float32).reshape(-1, 1, 2) for view in views],
        (width, height),
        None,
        None,
        flags=flags,
    )
    count = {"none": 0, "plumb_bob": 5, "rational": 8}[distortion]
    known = tuple(np.ravel(coefficients)[:count].tolist())
    sigma = np.ravel(sigmas)
    return _made(
        Intrinsics(width, height, *_four(matrix), distortion=distortion, coefficients=known),
        views,
        (turns, moves),
        float(residual),
        np.ravel(each),
        (float(max(sigma[0] / matrix[0, 0], sigma[1] / matrix[1, 1])), float(max(sigma[2], sigma[3]))),
    )


def _fisheye(views: Sequence[BoardCorners], width: int, height: int) -> IntrinsicsFit:
    """OpenCV's equidistant model gives no standard deviations: they come from the two halves of the views."""
    residual, matrix, coefficients, turns, moves = _fit_fisheye(views, width, height)
    halves = [_fit_fisheye(views[start::2], width, height)[1] for start in (0, 1)]
    focal_sigma = float(max(abs(halves[0][i, i] - halves[1][i, i]) / matrix[i, i] / 2 for i in (0, 1)))
    centre_sigma = float(np.abs(halves[0][:2, 2] - halves[1][:2, 2]).max() / 2)
    intrinsics = Intrinsics(
        width, height, *_four(matrix), distortion="fisheye", coefficients=tuple(np.ravel(coefficients).tolist())
    )
    camera = CameraModel(intrinsics)
    each = [
        float(np.sqrt(np.mean(np.sum((camera.project(_transform(turn, move).apply(v.board_m)) - v.image_px) ** 2, 1))))
        for v, turn, move in zip(views, turns, moves, strict=True)
    ]
    return _made(intrinsics, views, (turns, moves), residual, np.array(each), (focal_sigma, centre_sigma))


def _fit_fisheye(
    views: Sequence[BoardCorners], width: int, height: int
) -> tuple[float, Matrix, Matrix, list[Matrix], list[Matrix]]:
    flags = cv2.fisheye.CALIB_RECOMPUTE_EXTRINSIC | cv2.fisheye.CALIB_FIX_SKEW
    try:
        residual, matrix, coefficients, turns, moves = cv2.fisheye.calibrate(
            [view.board_m.reshape(-1, 1, 3) for view in views],
            [view.image_px.reshape(-1, 1, 2) for view in views],
            (width, height),
            np.eye(3),
            np.zeros(4),
            flags=flags,
            criteria=(cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-8),
        )
    except cv2.error as error:
        raise CalibrationError(
            "degenerate", "the fisheye model does not fit these views: take more, or calibrate as plumb_bob"
        ) from error
    return (
        float(residual),
        np.asarray(matrix, np.float64),
        np.asarray(coefficients, np.float64),
        [np.asarray(turn, np.float64) for turn in turns],
        [np.asarray(move, np.float64) for move in moves],
    )


def _made(
    intrinsics: Intrinsics,
    views: Sequence[BoardCorners],
    poses: tuple[Sequence[Matrix], Sequence[Matrix]],
    residual_px: float,
    each_px: NDArray[np.float64],
    sigmas: tuple[float, float],
) -> IntrinsicsFit:
    limit = max(3 * float(np.median(each_px)), 1.0)
    bad = [f"{view.name} ({rms:.1f} px)" for view, rms in zip(views, each_px.tolist(), strict=True) if rms > limit]
    said = (f"these views fit badly: {', '.join(bad)}: leave them out if they are blurred",) if bad else ()
    found = tuple(_transform(turn, move) for turn, move in zip(*poses, strict=True))
    return IntrinsicsFit(CameraModel(intrinsics), residual_px, each_px, sigmas[0], sigmas[1], found, said)


def _check(fit: IntrinsicsFit, views: Sequence[BoardCorners]) -> None:
    behind = [
        view.name
        for view, pose in zip(views, fit.board_poses, strict=True)
        if pose.rotation[:, 2] @ pose.apply(view.board_m.mean(0)) < 0
    ]
    if behind:
        raise CalibrationError(
            "mirrored",
            f"the board is mirrored in {len(behind)} of {len(views)} views ({', '.join(behind[:3])}): turn off the "
            "camera's mirroring, or print the board again",
        )
    if not fit.residual_px <= MAX_RESIDUAL_PX:
        raise CalibrationError(
            "contradiction",
            f"the corners lie {fit.residual_px:.1f} px from where this lens model puts them: try another --distortion, "
            "keep the board flat, or leave out blurred pictures",
        )
    if not fit.focal_sigma <= MAX_FOCAL_SIGMA:
        raise CalibrationError(
            "uncertain",
            f"the focal length is known to {fit.focal_sigma:.1%} only: add views with the board tilted more",
        )


def _four(matrix: Matrix) -> tuple[float, float, float, float]:
    return float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2])


def _transform(turn: Matrix, move: Matrix) -> RigidTransform:
    return RigidTransform(np.asarray(cv2.Rodrigues(turn)[0], np.float64), np.asarray(move, np.float64).ravel())


def _place(row: int, column: int) -> str:
    height = _WORST_CELL[0 if row == 0 else 2 if row == GRID[0] - 1 else 1]
    side = "left" if column < 2 else "right" if column > 3 else "middle"
    return "middle" if (height, side) == ("middle", "middle") else f"{height} {side}"
