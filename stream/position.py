"""Position: where a track is in metres, how certain that is, and by which method it was found."""

from __future__ import annotations

import math
from dataclasses import dataclass

Vector3 = tuple[float, float, float]
Covariance = tuple[float, float, float, float, float, float]

METHODS = ("depth", "plane", "size", "stereo")
"""How positions are found: a depth picture, the support plane, a known size, two cameras. Later ones may be added."""

NO_POSITION = {
    "no_calibration": "the camera's calibration does not fit the picture",
    "no_capture_time": "it is not known when the picture was taken, and the camera moves",
    "no_pose": "no pose of the camera was received for the time of the picture",
    "stale_pose": "the nearest pose is too far from the time of the picture",
    "no_depth": "there is no depth picture for the frame, or too few of its pixels in the box are valid",
    "out_of_range": "the distance is outside the stated range",
    "no_plane_hit": "the ray through the contact point does not meet the support plane in front of the camera",
    "no_size": "no size is stated for the phrase",
    "no_partner": "the other camera sees no track that fits",
    "cut_off": "the box touches the picture's edge, so its contact point or size is unknown",
    "hidden": "a thing in front of it hides the point on which it stands",
    "not_seen": "the track coasts, and was not measured for too long",
    "uncertain": "the position is known, but not within the stated uncertainty",
}
"""Why a track has no position, by name. Later versions may add more."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a track is at the frame's capture time.

    Args:
        frame: the coordinate frame that the numbers are in, such as the robot's base.
        xyz_m: metres.
        covariance_m2: xx, xy, xz, yy, yz, zz of the position's covariance matrix.
        velocity_m_s: None where the track is too new to have one.
        method: one of `METHODS`.
        valid_share: the share of valid depth pixels on the object, 0..1; None without depth.
        predicted_s: how long ago the position was last measured; None where this very frame measured it.
    """

    frame: str
    xyz_m: Vector3
    covariance_m2: Covariance
    method: str
    velocity_m_s: Vector3 | None = None
    valid_share: float | None = None
    predicted_s: float | None = None

    @property
    def sigma_m(self) -> float:
        """The standard deviation along the least certain direction."""
        return math.sqrt(max(0.0, _largest_eigenvalue(self.covariance_m2)))


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Where the camera was when the frame was taken: a point of the camera becomes one of the named frame.

    Args:
        frame: the coordinate frame of the positions.
        translation_m: the camera's place in it.
        quaternion_xyzw: the camera's orientation in it.
        gap_ms: the time from the capture to the nearest pose that was received; None for a camera that does not move.
    """

    frame: str
    translation_m: Vector3
    quaternion_xyzw: tuple[float, float, float, float]
    gap_ms: float | None = None


def _largest_eigenvalue(covariance: Covariance) -> float:
    """Of a symmetric 3x3 matrix, in closed form: this file must not need numpy.

    Smith, "Eigenvalues of a symmetric 3 x 3 matrix", 1961.
    """
    xx, xy, xz, yy, yz, zz = covariance
    mean = (xx + yy + zz) / 3.0
    a, b, c = xx - mean, yy - mean, zz - mean
    spread = math.sqrt(max(0.0, (a * a + b * b + c * c + 2.0 * (xy * xy + xz * xz + yz * yz)) / 6.0))
    if spread <= 1e-150:
        return mean
    a, b, c, xy, xz, yz = (value / spread for value in (a, b, c, xy, xz, yz))
    half = (a * (b * c - yz * yz) - xy * (xy * c - yz * xz) + xz * (xy * yz - b * xz)) / 2.0
    return mean + 2.0 * spread * math.cos(math.acos(min(1.0, max(-1.0, half))) / 3.0)
