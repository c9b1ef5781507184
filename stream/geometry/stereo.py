"""Two cameras of one node that see the same thing: the point where the rays through its boxes' centres pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..geometry_options import PositionNoise, StereoOptions
from .box_position import Reason
from .camera_model import CameraModel
from .object_surface import Box
from .rigid_transform import Vector
from .uncertainty import CameraPlace, Measured

_GATE_SIGMAS = 3.5
_MIN_ANGLE = 0.02  # sine of the angle between two rays: below it their distance is not known
_CENTRE_SHARE = 0.05  # of a box's side: the centres of two boxes are not the same point of the thing


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One track as one camera saw it.

    Args:
        phrase: what it is.
        eye_m: (3,) where the camera was.
        ray: (3,) of length 1, towards the box's centre.
        noise_rad, bias_rad: standard deviation of the ray's direction; what differs from frame to frame, and what not.
        noise_m, bias_m: of the camera's place.
    """

    phrase: str
    eye_m: Vector
    ray: Vector
    noise_rad: float
    bias_rad: float
    noise_m: float
    bias_m: float

    def sigma_m(self, distance_m: float) -> float:
        """How far the ray may be off at a distance."""
        rad2 = self.noise_rad**2 + self.bias_rad**2
        return float(np.sqrt(rad2 * distance_m**2 + self.noise_m**2 + self.bias_m**2))


class Sightings:
    """What each source of a node saw last. The loop alone uses it."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, int, tuple[Sighting, ...]]] = {}

    def put(self, source: str, frame: str, monotonic_ns: int, seen: Iterable[Sighting]) -> None:
        """Replace what a source saw: `frame` names the coordinate frame, `monotonic_ns` is the capture time."""
        self._last[source] = (frame, monotonic_ns, tuple(seen))

    def of(self, options: StereoOptions, frame: str, monotonic_ns: int) -> tuple[Sighting, ...]:
        """What the other source saw at that time, in the same coordinate frame."""
        other_frame, at_ns, seen = self._last.get(options.source, ("", 0, ()))
        is_near = abs(at_ns - monotonic_ns) <= options.max_skew_ms * 1e6
        return seen if is_near and other_frame == frame else ()


def sight(box: Box, phrase: str, camera: CameraModel, place: CameraPlace, noise: PositionNoise) -> Sighting | None:
    """The ray through a box's centre; None where the lens model has none."""
    left, top, right, bottom = box
    ray = camera.rays(np.array([[(left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5]]))[0]
    if not np.isfinite(ray).all():
        return None
    ray = place.base_from_camera.turn(ray)
    focal = (camera.intrinsics.fx + camera.intrinsics.fy) / 2
    across = (_CENTRE_SHARE * max(right - left, bottom - top)) ** 2 + noise.principal_px**2
    return Sighting(
        phrase,
        place.base_from_camera.translation_m,
        ray / np.sqrt(ray @ ray),
        noise_rad=float(np.sqrt(noise.box_px**2 / 2 / focal**2 + place.pose_m2[5, 5])),
        bias_rad=float(np.sqrt(across / focal**2 + place.mount_m2[5, 5])),
        noise_m=float(np.sqrt(place.pose_m2[:3, :3].diagonal().mean())),
        bias_m=float(np.sqrt(place.mount_m2[:3, :3].diagonal().mean())),
    )


def stereo_position(own: Sighting, others: Iterable[Sighting]) -> Measured | Reason:
    """Where the own ray and the one fitting ray of the other camera pass each other; or why there is no position.

    Two rays fit when they pass each other within their uncertainty (the epipolar constraint), in front of both cameras.
    Where more than one fits, which is the same thing cannot be told.
    """
    same = (_triangulate(own, other) for other in others if other.phrase == own.phrase)
    fitting = [found for found in same if found is not None]
    return fitting[0] if len(fitting) == 1 else "no_partner"


def _triangulate(one: Sighting, two: Sighting) -> Measured | None:
    across = np.cross(one.ray, two.ray)
    sine2 = float(across @ across)
    if sine2 < _MIN_ANGLE**2:
        return None
    base = two.eye_m - one.eye_m
    first = float(np.cross(base, two.ray) @ across) / sine2
    second = float(np.cross(base, one.ray) @ across) / sine2
    if first <= 0.0 or second <= 0.0:
        return None
    miss_m = abs(float(base @ across)) / np.sqrt(sine2)
    if miss_m > _GATE_SIGMAS * float(np.hypot(one.sigma_m(first), two.sigma_m(second))):
        return None
    points = one.eye_m + first * one.ray, two.eye_m + second * two.ray
    parts: list[tuple[Vector, float, float]] = []
    for sighting, distance in ((one, first), (two, second)):
        noise = sighting.noise_rad**2 * distance**2 + sighting.noise_m**2
        bias = sighting.bias_rad**2 * distance**2 + sighting.bias_m**2
        parts.append((np.eye(3) - np.outer(sighting.ray, sighting.ray), noise, bias))
    information = sum((across_m / (noise + bias) for across_m, noise, bias in parts), np.zeros((3, 3)))
    covariance = np.linalg.inv(information)
    weighted = sum(
        (across_m @ point / (noise + bias) for (across_m, noise, bias), point in zip(parts, points, strict=True)),
        np.zeros(3),
    )
    noise_share = sum(noise for _, noise, _ in parts) / sum(noise + bias for _, noise, bias in parts)
    return Measured(covariance @ weighted, covariance * noise_share, covariance * (1.0 - noise_share), "stereo")
