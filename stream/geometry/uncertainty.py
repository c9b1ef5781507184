"""Uncertainty: standard deviations of what is measured, propagated to a point's covariance by the Jacobian.

A covariance has two parts. What differs from frame to frame (`noise_m2`) grows smaller when frames are averaged; what
is the same in all frames (`bias_m2`), as a calibration's error is, does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry_options import PositionNoise
from .pose_buffer import PoseAt
from .rigid_transform import RigidTransform, Vector, skew

_STATED_ERROR_SIGMAS = 2.0  # a largest likely error is taken as two standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A point in the frame of the positions, as one picture gives it.

    Args:
        point_m: (3,).
        noise_m2: (3, 3) covariance of what differs from frame to frame.
        bias_m2: (3, 3) covariance of what all frames share.
        method: how it was found.
        valid_share: the share of valid depth pixels; None without depth.
    """

    point_m: Vector
    noise_m2: Vector
    bias_m2: Vector
    method: str
    valid_share: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CameraPlace:
    """Where the camera was at a picture's capture time, and how certain that is.

    Args:
        base_from_camera: the camera's pose.
        pose_m2: (6, 6) covariance of a small translation and rotation vector of the camera, in the base's axes, with
            what differs from frame to frame.
        mount_m2: the same of what all frames share.
        moving: how it moved; None for a camera that does not.
    """

    base_from_camera: RigidTransform
    pose_m2: Vector
    mount_m2: Vector
    moving: PoseAt | None = None


def fixed_place(base_from_camera: RigidTransform, noise: PositionNoise) -> CameraPlace:
    """The place of a camera that does not move: its error is that of the mount."""
    return CameraPlace(base_from_camera, np.zeros((6, 6)), _diagonal(noise.mount_m, noise.mount_rad))


def moving_place(
    base_from_flange: PoseAt, flange_from_camera: RigidTransform, noise: PositionNoise, time_error_ms: float
) -> CameraPlace:
    """The place of a camera on a flange.

    Args:
        base_from_flange: the flange's pose at the capture time.
        flange_from_camera: how the camera is mounted.
        noise: of poses and mount.
        time_error_ms: how far off the capture time may be on the clock of the poses.
    """
    flange = base_from_flange.pose
    place = flange @ flange_from_camera
    lever = flange.turn(flange_from_camera.translation_m)  # a flange that turns moves the camera
    to_camera = np.eye(6)
    to_camera[:3, 3:] = -skew(lever)
    pose = to_camera @ _diagonal(noise.pose_m, noise.pose_rad) @ to_camera.T
    time_s = noise.time_ms if base_from_flange.same_clock else time_error_ms / _STATED_ERROR_SIGMAS
    moved = np.concatenate([base_from_flange.velocity_m_s, base_from_flange.turn_rad_s]) * (time_s / 1e3)
    moved = to_camera @ moved
    return CameraPlace(
        place, pose + np.outer(moved, moved), _diagonal(noise.mount_m, noise.mount_rad), base_from_flange
    )


def place_jacobian(place: CameraPlace, point_m: Vector) -> Vector:
    """(3, 6) how a point that is fixed to the camera moves with a small translation and rotation of it."""
    jacobian = np.empty((3, 6))
    jacobian[:, :3] = np.eye(3)
    jacobian[:, 3:] = -skew(point_m - place.base_from_camera.translation_m)
    return jacobian


def _diagonal(sigma_m: float, sigma_rad: float) -> Vector:
    return np.diag([sigma_m**2] * 3 + [sigma_rad**2] * 3)
