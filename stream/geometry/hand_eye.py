"""Hand-eye calibration: solved by several methods and one joint fit, and refused where they cannot be trusted."""

# SciPy comes without types, and OpenCV's and NumPy's leave much open.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from .calibration_error import CalibrationError
from .hand_eye_fit import (
    HandEyeFit,
    HandEyeNoise,
    HandEyeView,
    Mount,
    closed_form,
    mount_pose,
    refine,
)
from .pose_pairing import TOLERANCE_RAD, explain_order, mismatches_rad
from .rigid_transform import RigidTransform

MIN_VIEWS = 6
MIN_METHODS = 3  # that must agree with the joint fit
MIN_TURN_RAD = np.radians(6.0)  # about a second axis, root mean square over pairs of views
MAX_APART_M, MAX_APART_RAD = 0.01, np.radians(0.6)  # of a method from the joint fit
MAX_SIGMA_M, MAX_SIGMA_RAD = 0.008, np.radians(0.8)
MAX_OFFSET_M = 0.02  # of one view's board from its place
MAX_SCALE_ERROR = 0.01  # of the board; a third of it is a warning
MAX_REACH_M = 15.0  # of a robot; poses in millimetres are far beyond


@dataclass(frozen=True, slots=True)
class HandEyeCalibration:
    """A hand-eye calibration that passed all checks.

    Args:
        fit: the joint fit.
        apart_m, apart_rad: how far each method's result is from the joint fit; None where it gave no transform.
        warnings: sentences about what may be wrong.
    """

    fit: HandEyeFit
    apart_m: dict[str, float | None]
    apart_rad: dict[str, float | None]
    warnings: tuple[str, ...]


def calibrate_hand_eye(
    views: Sequence[HandEyeView], mount: Mount, focal_px: float, noise: HandEyeNoise | None = None
) -> HandEyeCalibration:
    """Solve the camera's place on the flange, or beside the robot, and check it.

    Args:
        views: six or more, with the robot turned about two axes at least between them.
        mount: "flange", where the camera moves and the board stands still; "base", where the board is on the flange.
        focal_px: the camera's focal length, px.
        noise: one sigma of each measurement; None is the default.

    Raises:
        CalibrationError: too few views, views that determine nothing, poses that belong to other pictures or are
            inverted, methods that disagree, a board of another size, a result that is too uncertain.
    """
    known = noise or HandEyeNoise()
    _check_views(views)
    _check_turns([view.base_from_flange for view in views])
    _check_pairs(views)
    solved = closed_form(views, mount)
    start = _best_start(views, mount, solved)
    fit = refine(views, mount, start, focal_px, known)
    _check_consistency(views, mount, fit)
    apart_m, apart_rad = _apart(solved, fit)
    _check_agreement(fit, apart_m, apart_rad)
    if fit.sigma_m > MAX_SIGMA_M or fit.sigma_rad > MAX_SIGMA_RAD:
        raise CalibrationError(
            "uncertain",
            f"the camera's place is known to {fit.sigma_m * 1e3:.1f} mm and {np.degrees(fit.sigma_rad):.2f} degrees "
            "only: add views, nearer to the board and more tilted",
        )
    return HandEyeCalibration(fit, apart_m, apart_rad, tuple(_warnings(fit)))


def _check_views(views: Sequence[HandEyeView]) -> None:
    if len(views) < MIN_VIEWS:
        raise CalibrationError(
            "few_views", f"{len(views)} views with a board and a pose: take at least {MIN_VIEWS}, better 15"
        )
    behind = [view.name for view in views if view.from_behind]
    if behind:
        raise CalibrationError(
            "mirrored",
            f"the board is mirrored in {len(behind)} of {len(views)} views ({', '.join(behind[:3])}): turn off the "
            "camera's mirroring, or print the board again",
        )
    reach = max(float(np.linalg.norm(view.base_from_flange.translation_m)) for view in views)
    if reach > MAX_REACH_M:
        raise CalibrationError(
            "units", f"a pose lies {reach:.0f} m from the robot's base: the poses must be in metres, not millimetres"
        )


def _check_turns(poses: Sequence[RigidTransform]) -> None:
    """Refuse poses that turn too little, or about one axis alone.

    The rotations between all pairs of poses, as vectors, must span two directions: else the camera's place along the
    one axis has no influence on the pictures (Tsai and Lenz 1989).
    """
    vectors = np.array(
        [
            Rotation.from_matrix(first.rotation.T @ second.rotation).as_rotvec()
            for row, first in enumerate(poses)
            for second in poses[row + 1 :]
        ]
    )
    sizes = np.sqrt(np.maximum(0.0, np.linalg.eigvalsh(vectors.T @ vectors / len(vectors))))[::-1]
    if sizes[0] < MIN_TURN_RAD:
        raise CalibrationError(
            "degenerate",
            f"the robot turns by only {np.degrees(sizes[0]):.1f} degrees between the views: turn the flange by 20 to "
            "60 degrees about two axes",
        )
    if sizes[1] < MIN_TURN_RAD:
        raise CalibrationError(
            "degenerate",
            f"the robot turns about one axis only (about a second one by {np.degrees(sizes[1]):.1f} degrees): tilt the "
            "flange about another axis too",
        )


def _check_pairs(views: Sequence[HandEyeView]) -> None:
    """Refuse pictures that have another picture's pose."""
    poses = [view.base_from_flange for view in views]
    boards = [view.camera_from_board for view in views]
    apart = mismatches_rad(poses, boards)
    bad = [view.name for view, angle in zip(views, apart, strict=True) if angle > TOLERANCE_RAD]
    if not bad:
        return
    names = [view.name for view in views]
    why = explain_order(poses, boards, names)
    if why is None:
        listed = ", ".join(bad[:6]) + (f" and {len(bad) - 6} more" if len(bad) > 6 else "")
        why = (
            f"in {len(bad)} of {len(views)} views the camera turns by other angles than the robot ({listed}): they "
            "have other pictures' poses, or the quaternions' order or the angles' unit is wrong"
        )
    raise CalibrationError("pose_order", f"{why}: give each picture the pose of its own moment")


def _best_start(views: Sequence[HandEyeView], mount: Mount, solved: dict[str, RigidTransform | None]) -> RigidTransform:
    found = [one for one in solved.values() if one is not None]
    if len(found) < MIN_METHODS:
        failed = ", ".join(name for name, one in solved.items() if one is None)
        raise CalibrationError(
            "disagreement", f"only {len(found)} methods give a transform ({failed} fail): add views that turn more"
        )
    return min(found, key=lambda one: _spread_m(views, mount, one))


def _spread_m(views: Sequence[HandEyeView], mount: Mount, mount_from_camera: RigidTransform) -> float:
    """How much the board's place differs between the views, m (median)."""
    middles = np.array(
        [
            (mount_pose(view, mount) @ mount_from_camera @ view.camera_from_board).apply(view.board_m.mean(0))
            for view in views
        ]
    )
    return float(np.median(np.linalg.norm(middles - np.median(middles, axis=0), axis=1)))


def _check_consistency(views: Sequence[HandEyeView], mount: Mount, fit: HandEyeFit) -> None:
    """Refuse views that contradict each other, and say which change would make them fit."""
    median = float(np.median(fit.offsets_m))
    worst = int(np.argmax(fit.offsets_m))
    scale_error = abs(fit.board_scale - 1.0)
    explains = fit.scaled_chi2 < max(2.0, fit.chi2 / 3)
    if explains and scale_error > max(MAX_SCALE_ERROR, 5 * fit.board_scale_sigma):
        raise CalibrationError(
            "board_size",
            f"the board fits best at {fit.board_scale:.3f} times its stated size: measure a square on the print",
        )
    if fit.offsets_m[worst] <= MAX_OFFSET_M:
        return
    other_mount: Mount = "base" if mount == "flange" else "flange"
    turned = [replace(view, base_from_flange=view.base_from_flange.inverse()) for view in views]
    others = [one for one in closed_form(turned, mount).values() if one is not None]
    if others and min(_spread_m(turned, mount, one) for one in others) < min(median, MAX_OFFSET_M) / 2:
        raise CalibrationError(
            "inverted_poses",
            "the views fit only with every pose inverted: give base_from_flange, not flange_from_base; or the camera "
            f"is mounted otherwise (--mount {other_mount})",
        )
    raise CalibrationError(
        "contradiction",
        f"the views contradict each other: with the best transform the board seen in {views[worst].name} stands "
        f"{fit.offsets_m[worst] * 1e3:.0f} mm from its place (median of all {median * 1e3:.1f} mm): the board or the "
        "camera moved, a pose belongs to another picture, or the poses are not those of the flange",
    )


def _apart(
    solved: dict[str, RigidTransform | None], fit: HandEyeFit
) -> tuple[dict[str, float | None], dict[str, float | None]]:
    metres: dict[str, float | None] = {}
    angles: dict[str, float | None] = {}
    for name, one in solved.items():
        off = None if one is None else fit.mount_from_camera.inverse() @ one
        metres[name] = None if off is None else float(np.linalg.norm(off.translation_m))
        angles[name] = None if off is None else off.angle_to(RigidTransform.identity())
    return metres, angles


def _check_agreement(fit: HandEyeFit, apart_m: dict[str, float | None], apart_rad: dict[str, float | None]) -> None:
    limit_m, limit_rad = max(MAX_APART_M, 3 * fit.sigma_m), max(MAX_APART_RAD, 3 * fit.sigma_rad)
    agreeing = [
        name
        for name, metres in apart_m.items()
        if metres is not None and metres <= limit_m and (apart_rad[name] or 0.0) <= limit_rad
    ]
    if len(agreeing) < MIN_METHODS:
        said = ", ".join(
            f"{name} {metres * 1e3:.0f} mm / {np.degrees(apart_rad[name] or 0.0):.1f} degrees"
            for name, metres in apart_m.items()
            if metres is not None
        )
        raise CalibrationError(
            "disagreement",
            f"the methods disagree with the joint fit ({said}), so the views determine too little: add views that turn "
            "about two axes",
        )


def _warnings(fit: HandEyeFit) -> list[str]:
    said: list[str] = []
    if abs(fit.board_scale - 1.0) > max(MAX_SCALE_ERROR / 3, 3 * fit.board_scale_sigma):
        said.append(
            f"the board fits best at {fit.board_scale:.3f} times its stated size (sigma {fit.board_scale_sigma:.3f}): "
            "measure a square on the print"
        )
    if fit.chi2 > 4.0:
        said.append(
            f"the residuals are {np.sqrt(fit.chi2):.1f} times as large as the stated noise: the robot's poses or the "
            "intrinsics are less exact than stated"
        )
    return said
