"""Pose pairing: whether each picture has the robot's pose of its own moment, from the angles of the motions alone."""

# SciPy comes without types, and OpenCV's and NumPy's leave much open.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from .board_pose import Matrix
from .rigid_transform import RigidTransform

TOLERANCE_RAD = np.radians(2.5)  # a board's pose from one picture is off by less
_MOST_SWAPPED = 0.5  # of the views: with more there is no order left to compare with


def mismatches_rad(poses: Sequence[RigidTransform], board_poses: Sequence[RigidTransform]) -> NDArray[np.float64]:
    """How badly each view fits the others, rad.

    Between two views the robot and the camera turn by the same angle, whatever the transform between them is. So the
    difference of the two angles shows a wrong pair before anything is solved.

    Args:
        poses: the robot's.
        board_poses: camera_from_board of each view.

    Returns:
        (n,) the median over the other views of the difference.
    """
    return _mismatch(_angles(poses), _angles(board_poses))


def explain_order(
    poses: Sequence[RigidTransform], board_poses: Sequence[RigidTransform], names: Sequence[str]
) -> str | None:
    """The order of the poses that fits the pictures, in words; None where none of those tried does."""
    robot, camera = _angles(poses), _angles(board_poses)
    count = len(names)
    if _fits(robot[::-1, ::-1], camera):
        return "the poses are in the reverse order of the pictures"
    for shift in range(1, count):
        rolled = np.roll(robot, (-shift, -shift), (0, 1))
        if _fits(rolled, camera):
            later = shift if shift <= count // 2 else shift - count
            return f"the poses are shifted against the pictures by {abs(later)} ({'later' if later > 0 else 'earlier'})"
    return _explain_swaps(robot, camera, names)


def _explain_swaps(robot: Matrix, camera: Matrix, names: Sequence[str]) -> str | None:
    """Assign the poses of the views that do not fit to those views again, by their angles to the views that fit."""
    bad = np.flatnonzero(_mismatch(robot, camera) > TOLERANCE_RAD)
    good = np.setdiff1d(np.arange(len(names)), bad)
    if not 2 <= len(bad) <= _MOST_SWAPPED * len(names):
        return None
    cost = np.median(np.abs(robot[np.ix_(bad, good)][None] - camera[np.ix_(bad, good)][:, None]), axis=2)
    pictures, chosen = linear_sum_assignment(cost)
    if (cost[pictures, chosen] > TOLERANCE_RAD).any():
        return None
    listed = ", ".join(str(names[row]) for row in bad)
    return f"the poses of these pictures are swapped: {listed}"


def _angles(poses: Sequence[RigidTransform]) -> Matrix:
    """(n, n) the angle between each two rotations, rad."""
    rotations = np.stack([pose.rotation for pose in poses])
    between = np.einsum("iba,jbc->ijac", rotations, rotations).reshape(-1, 3, 3)
    return np.asarray(Rotation.from_matrix(between).magnitude(), np.float64).reshape(len(poses), len(poses))


def _mismatch(robot: Matrix, camera: Matrix) -> NDArray[np.float64]:
    apart = np.abs(robot - camera)
    others = ~np.eye(len(apart), dtype=bool)
    return np.array([np.median(row[mask]) for row, mask in zip(apart, others, strict=True)])


def _fits(robot: Matrix, camera: Matrix) -> bool:
    return bool((_mismatch(robot, camera) <= TOLERANCE_RAD).all())
