"""Rigid transform: a rotation and a translation in metres, named `to_from_from`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry_options import Placement

MAX_TRANSLATION_M = 1e5
_MAX_ROTATION_ERROR = 1e-3  # of a matrix whose numbers were rounded
_MAX_QUATERNION_ERROR = 1e-2
_NEARLY_SAME = 0.9995  # cosine: interpolated linearly

Vector = NDArray[np.float64]


class TransformError(ValueError):
    """Numbers that are no rotation or no place; the text says which and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """Where one frame lies in another: `base_from_camera @ p_camera` is `p_base`.

    Args:
        rotation: (3, 3).
        translation_m: (3,).
    """

    rotation: Vector
    translation_m: Vector

    @classmethod
    def identity(cls) -> RigidTransform:
        """Both frames are the same."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_matrix(cls, matrix: object) -> RigidTransform:
        """From a homogeneous matrix, (4, 4) or its upper three rows.

        Raises:
            TransformError: it has another shape, a number that is not finite, or its upper left part is no rotation.
        """
        try:
            values = np.asarray(matrix, np.float64)
        except (TypeError, ValueError) as error:
            raise TransformError("a pose's matrix must be 4 rows of 4 numbers") from error
        if values.shape not in ((4, 4), (3, 4)):
            raise TransformError(f"a pose's matrix must be 4 rows of 4 numbers, but has the shape {values.shape}")
        if values.shape == (4, 4) and not np.allclose(values[3], (0.0, 0.0, 0.0, 1.0), atol=1e-6):
            raise TransformError("the last row of a pose's matrix must be 0, 0, 0, 1")
        return cls(check_rotation(values[:3, :3]), _check_translation(values[:3, 3]))

    @classmethod
    def from_quaternion(cls, translation_m: object, quaternion_xyzw: object) -> RigidTransform:
        """From a translation and a unit quaternion in the order x, y, z, w, as ROS has it.

        Raises:
            TransformError: a number is not finite, or the quaternion's length is not 1.
        """
        try:
            quaternion = np.asarray(quaternion_xyzw, np.float64)
        except (TypeError, ValueError) as error:
            raise TransformError("a quaternion must be the four numbers x, y, z, w") from error
        if quaternion.shape != (4,) or not np.isfinite(quaternion).all():
            raise TransformError("a quaternion must be the four finite numbers x, y, z, w")
        length = math.hypot(*quaternion.tolist())  # squares would overflow
        if abs(length - 1.0) > _MAX_QUATERNION_ERROR:
            raise TransformError(f"a quaternion must have the length 1, but this one has {length:.3g}")
        return cls(_rotation_of(quaternion / length), _check_translation(translation_m))

    @classmethod
    def from_placement(cls, placement: Placement) -> RigidTransform:
        """From settings; raises as `from_quaternion` does."""
        return cls.from_quaternion(placement.translation_m, placement.quaternion_xyzw)

    @property
    def matrix(self) -> Vector:
        """(4, 4) homogeneous."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.rotation, self.translation_m
        return matrix

    @property
    def quaternion_xyzw(self) -> Vector:
        """(4,) of length 1, with w >= 0."""
        return _quaternion_of(self.rotation)

    @property
    def placement(self) -> Placement:
        """The same as plain numbers."""
        x, y, z = self.translation_m.tolist()
        qx, qy, qz, qw = self.quaternion_xyzw.tolist()
        return Placement((x, y, z), (qx, qy, qz, qw))

    def __matmul__(self, other: RigidTransform) -> RigidTransform:
        """`a_from_b @ b_from_c` is `a_from_c`."""
        return RigidTransform(self.rotation @ other.rotation, self.rotation @ other.translation_m + self.translation_m)

    def apply(self, points: Vector) -> Vector:
        """The same points, (n, 3) or (3,), in the other frame."""
        return points @ self.rotation.T + self.translation_m

    def turn(self, directions: Vector) -> Vector:
        """The same directions, (n, 3) or (3,), in the other frame."""
        return directions @ self.rotation.T

    def inverse(self) -> RigidTransform:
        """`b_from_a` of `a_from_b`."""
        back = self.rotation.T
        return RigidTransform(back, -back @ self.translation_m)

    def interpolate(self, later: RigidTransform, share: float) -> RigidTransform:
        """The pose between this one (share 0) and a later one (share 1): slerp of the rotation, linear translation.

        A share outside 0..1 extrapolates.
        """
        first, second = self.quaternion_xyzw, later.quaternion_xyzw
        cosine = float(first @ second)
        if cosine < 0.0:  # the shorter way round
            second, cosine = -second, -cosine
        if cosine > _NEARLY_SAME:
            mixed = first + share * (second - first)
        else:
            angle = math.acos(min(1.0, cosine))
            mixed = (math.sin((1.0 - share) * angle) * first + math.sin(share * angle) * second) / math.sin(angle)
        mixed /= math.sqrt(float(mixed @ mixed))
        moved = self.translation_m + share * (later.translation_m - self.translation_m)
        return RigidTransform(_rotation_of(mixed), moved)

    def angle_to(self, other: RigidTransform) -> float:
        """The angle between the two rotations, rad."""
        cosine = (float(np.trace(self.rotation.T @ other.rotation)) - 1.0) / 2.0
        sine = float(np.linalg.norm(_vee(self.rotation.T @ other.rotation))) / 2.0
        return math.atan2(sine, cosine)


def check_rotation(matrix: Vector) -> Vector:
    """The rotation nearest to a (3, 3) matrix whose numbers were rounded.

    Raises:
        TransformError: it is none: it scales, shears or mirrors, or a number is not finite.
    """
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise TransformError("a rotation must be 3 rows of 3 finite numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        error = float(np.abs(matrix @ matrix.T - np.eye(3)).max())
    if not error <= 2 * _MAX_ROTATION_ERROR:
        raise TransformError(f"this is no rotation matrix (its rows are off by {error:.2g}): calibrate again")
    if np.linalg.det(matrix) < 0.0:
        raise TransformError("this matrix mirrors, so it is no rotation: check the sign of one axis")
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right, np.float64)


def skew(vector: Vector) -> Vector:
    """The (3, 3) matrix S with S @ b = vector x b."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def _check_translation(value: object) -> Vector:
    try:
        translation = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise TransformError("a translation must be three numbers in metres") from error
    if translation.shape != (3,) or not np.isfinite(translation).all():
        raise TransformError("a translation must be three finite numbers in metres")
    if np.abs(translation).max() > MAX_TRANSLATION_M:
        raise TransformError(f"a translation of {np.abs(translation).max():.3g} m cannot be: are the numbers metres?")
    return translation.copy()


def _vee(matrix: Vector) -> Vector:
    return np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])


def _rotation_of(quaternion_xyzw: Vector) -> Vector:
    x, y, z, w = quaternion_xyzw.tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _quaternion_of(rotation: Vector) -> Vector:
    """Shepperd's method: divides by the largest of the four components."""
    trace = float(np.trace(rotation))
    squares = [*(1.0 + 2.0 * rotation[i, i] - trace for i in range(3)), 1.0 + trace]
    largest = int(np.argmax(squares))
    x, y, z = _vee(rotation).tolist()
    if largest == 3:
        found = np.array([x, y, z, squares[3]])
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        found = np.zeros(4)
        found[i] = squares[largest]
        found[j], found[k] = rotation[i, j] + rotation[j, i], rotation[i, k] + rotation[k, i]
        found[3] = (x, y, z)[i]
    found /= math.sqrt(float(found @ found))
    return -found if found[3] < 0.0 else found
