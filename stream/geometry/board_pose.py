"""Board pose: where a flat calibration board stands in front of the camera, from its corners in one picture."""

# OpenCV's stubs leave the types of lists open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .rigid_transform import RigidTransform

Matrix = NDArray[np.float64]

MIN_CORNERS = 6


@dataclass(frozen=True, slots=True)
class BoardCorners:
    """The corners of a board that were found in one picture.

    Args:
        name: of the picture, for reports.
        ids: (n,) int, the corners' numbers on the board.
        board_m: (n, 3) float64, the corners in the board's frame: x right, y down, z into the board as its front is
            seen, metres.
        image_px: (n, 2) float64, image pixels.
    """

    name: str
    ids: NDArray[np.int64]
    board_m: Matrix
    image_px: Matrix


@dataclass(frozen=True, slots=True)
class BoardPose:
    """The pose of a board in the camera's frame.

    Args:
        camera_from_board: where the board stands.
        residual_px: the root mean square distance between the corners and their projections, px.
        second: the other pose that a flat board can have in nearly the same picture; None where there is none.
        from_behind: the corners lie as if the board were seen from its back, which a mirrored picture causes.
    """

    camera_from_board: RigidTransform
    residual_px: float
    second: RigidTransform | None
    from_behind: bool


def find_board_pose(board_m: Matrix, image_xy: Matrix, focal_px: float) -> BoardPose | None:
    """The pose of a flat board, by IPPE (Collins and Bartoli 2014) and a Levenberg-Marquardt refinement.

    Args:
        board_m: (n, 3), at least six corners that do not lie on one line, with z = 0.
        image_xy: (n, 2), the corners on the plane z = 1 of the camera's frame, without distortion.
        focal_px: the focal length, which turns residuals into pixels.

    Returns:
        None where the corners determine no pose.
    """
    if len(board_m) < MIN_CORNERS or np.linalg.matrix_rank(board_m - board_m.mean(0), tol=1e-6) < 2:
        return None
    points, pixels = np.ascontiguousarray(board_m), np.ascontiguousarray(image_xy)
    try:
        count, rotations, translations, _ = cv2.solvePnPGeneric(
            points, pixels, np.eye(3), np.zeros(4), flags=cv2.SOLVEPNP_IPPE
        )
    except cv2.error:  # corners that lie almost on a line
        return None
    found: list[tuple[float, RigidTransform]] = []
    for rotation, translation in zip(rotations[:count], translations[:count], strict=False):
        refined = cv2.solvePnPRefineLM(points, pixels, np.eye(3), np.zeros(4), rotation.copy(), translation.copy())
        pose = RigidTransform(
            np.asarray(cv2.Rodrigues(refined[0])[0], np.float64), np.asarray(refined[1], np.float64).ravel()
        )
        residual = _residual(pose, points, pixels) * focal_px
        if np.isfinite(residual) and pose.translation_m[2] > 0:
            found.append((residual, pose))
    if not found:
        return None
    found.sort(key=lambda one: one[0])
    residual, pose = found[0]
    second = found[1][1] if len(found) > 1 else None
    return BoardPose(pose, residual, second, from_behind=_is_seen_from_behind(pose, board_m))


def _residual(camera_from_board: RigidTransform, board_m: Matrix, image_xy: Matrix) -> float:
    inside = camera_from_board.apply(board_m)
    return float(np.sqrt(np.mean(np.sum((inside[:, :2] / inside[:, 2:] - image_xy) ** 2, axis=1))))


def _is_seen_from_behind(camera_from_board: RigidTransform, board_m: Matrix) -> bool:
    return bool(camera_from_board.rotation[:, 2] @ camera_from_board.apply(board_m.mean(0)) < 0)
