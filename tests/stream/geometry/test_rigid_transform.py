"""Rigid transforms compose, invert and interpolate as scipy's rotations do, and refuse what is no rotation."""

# scipy comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportCallIssue=false

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from groundcast.stream.geometry.rigid_transform import RigidTransform, TransformError, skew


def random_transform(rng: np.random.Generator) -> RigidTransform:
    return RigidTransform(Rotation.random(random_state=int(rng.integers(2**31))).as_matrix(), rng.normal(0, 1, 3))


def test_quaternions_are_scipys() -> None:
    for rotation in Rotation.random(200, random_state=1):
        pose = RigidTransform.from_quaternion((1, 2, 3), rotation.as_quat())
        np.testing.assert_allclose(pose.rotation, rotation.as_matrix(), atol=1e-12)
        np.testing.assert_allclose(pose.quaternion_xyzw, rotation.as_quat(canonical=True), atol=1e-9)
        np.testing.assert_allclose(RigidTransform.from_placement(pose.placement).matrix, pose.matrix, atol=1e-12)


def test_composition_and_inverse_move_points_there_and_back() -> None:
    rng = np.random.default_rng(2)
    one, two, points = random_transform(rng), random_transform(rng), rng.normal(0, 1, (5, 3))
    np.testing.assert_allclose((one @ two).apply(points), one.apply(two.apply(points)), atol=1e-12)
    np.testing.assert_allclose((one @ two).matrix, one.matrix @ two.matrix, atol=1e-12)
    np.testing.assert_allclose(one.inverse().apply(one.apply(points)), points, atol=1e-12)
    np.testing.assert_allclose(one.turn(points[0]), one.rotation @ points[0], atol=1e-12)


def test_interpolation_is_slerp() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        first, last = random_transform(rng), random_transform(rng)
        slerp = Slerp([0.0, 1.0], Rotation.from_matrix([first.rotation, last.rotation]))
        for share in (0.0, 0.3, 1.0):
            between = first.interpolate(last, share)
            np.testing.assert_allclose(between.rotation, slerp(share).as_matrix(), atol=1e-9)
            np.testing.assert_allclose(
                between.translation_m, (1 - share) * first.translation_m + share * last.translation_m, atol=1e-12
            )


def test_the_angle_between_two_poses_is_in_radians() -> None:
    turned = RigidTransform(Rotation.from_rotvec((0, 0.2, 0)).as_matrix(), np.zeros(3))
    assert turned.angle_to(RigidTransform.identity()) == pytest.approx(0.2)
    assert turned.angle_to(turned) == pytest.approx(0.0, abs=1e-7)


def test_skew_is_the_cross_product() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([-2.0, 0.5, 1.0])
    np.testing.assert_allclose(skew(a) @ b, np.cross(a, b))


def test_a_rounded_matrix_becomes_a_rotation() -> None:
    exact = random_transform(np.random.default_rng(4)).matrix
    read = RigidTransform.from_matrix(np.round(exact, 4))
    np.testing.assert_allclose(read.rotation @ read.rotation.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(read.matrix, exact, atol=2e-4)


@pytest.mark.parametrize(
    ("matrix", "reason"),
    [
        (np.diag([2.0, 1, 1, 1]), "no rotation"),
        (np.diag([-1.0, 1, 1, 1]), "mirrors"),
        (np.full((4, 4), np.nan), "last row"),
        (np.zeros((2, 2)), "shape"),
        (np.full((3, 4), 1e300), "no rotation"),
        (np.diag([1.0, 1, 1, 2]), "last row"),
        ("no matrix", "4 rows"),
        (np.hstack([np.eye(3), [[1e7], [0], [0]]]), "metres"),
    ],
)
def test_what_is_no_pose_is_refused_in_a_sentence(matrix: object, reason: str) -> None:
    with pytest.raises(TransformError, match=reason):
        RigidTransform.from_matrix(matrix)


def test_a_quaternion_of_another_length_is_refused() -> None:
    with pytest.raises(TransformError, match=r"has 1e\+200"):
        RigidTransform.from_quaternion((0, 0, 0), (0, 0, 0, 1e200))
    with pytest.raises(TransformError, match="length 1"):
        RigidTransform.from_quaternion((0, 0, 0), (0, 0, 0, 0))
    with pytest.raises(TransformError, match="finite"):
        RigidTransform.from_quaternion((0, 0, 0), (0, 0, np.nan, 1))
    with pytest.raises(TransformError, match="three finite"):
        RigidTransform.from_quaternion((0, 0), (0, 0, 0, 1))
