"""A box's position by one picture: from its depth or from a known size, with covariance."""

from __future__ import annotations

import math

import numpy as np

from ..geometry_options import DepthOptions, PositionNoise, Size
from .camera_model import CameraModel
from .object_surface import Box, ObjectSurface
from .rigid_transform import Vector
from .uncertainty import CameraPlace, Measured, place_jacobian

_WHITE_SHARE = 0.25  # of a box's error in px that a mean over many depth pixels keeps
_MAX_INDEPENDENT = 40  # neighbouring depth pixels share errors
_SURFACE_SHARE = 0.16  # error of a surface's mean, as a share of its spread: edges are cut, parts are missed
_SURFACE_FLOOR_M2 = np.eye(3) * 0.0008**2
_MAX_RANGE_M = 1000.0
EDGE_PX = 1.5  # a box that ends nearer to the picture's edge is cut off by it

Reason = str


def depth_position(
    surface: ObjectSurface, camera: CameraModel, place: CameraPlace, noise: PositionNoise, options: DepthOptions
) -> Measured | Reason:
    """The mean of the visible surface; or why there is none."""
    point = surface.mean_m
    z = float(point[2])
    if not options.min_m <= z <= options.max_m:
        return "out_of_range"
    fx, fy = camera.intrinsics.fx, camera.intrinsics.fy
    pixel_m = np.array([z / fx, z / fy, 0.0])
    sigma_z = noise.depth_m + noise.depth_per_m2 * (z - noise.depth_from_m) ** 2
    along = point[:, None] * point
    white = np.diag((pixel_m * noise.box_px * _WHITE_SHARE) ** 2)
    white += along * ((sigma_z / z) ** 2 / min(surface.count, _MAX_INDEPENDENT))
    bias = surface.spread_m2 * _SURFACE_SHARE**2 + _SURFACE_FLOOR_M2
    bias += along * noise.depth_bias**2 + lens_m2(point, camera, noise)
    return _in_base(point, white, bias, place, "depth", surface.valid_share)


def size_position(
    box: Box, camera: CameraModel, place: CameraPlace, size: Size, noise: PositionNoise
) -> Measured | Reason:
    """The middle of a thing whose width or height is known, by how large its box is; or why there is none."""
    left, top, right, bottom = box
    width, height = camera.size
    across, down = right - left, bottom - top
    cut_x = left <= EDGE_PX or right >= width - EDGE_PX
    cut_y = top <= EDGE_PX or bottom >= height - EDGE_PX
    if cut_x or cut_y:
        return "cut_off"
    one = camera.intrinsics
    guesses: list[tuple[float, float]] = []  # distance and its relative error from frame to frame
    if size.width_m is not None and across > 1.0:
        guesses.append((one.fx * size.width_m / across, math.sqrt(2.0) * noise.box_px / across))
    if size.height_m is not None and down > 1.0:
        guesses.append((one.fy * size.height_m / down, math.sqrt(2.0) * noise.box_px / down))
    if not guesses:
        return "no_size"
    weights = [1.0 / (share * share) for _, share in guesses]
    z = sum(weight * guess for weight, (guess, _) in zip(weights, guesses, strict=True)) / sum(weights)
    share = math.sqrt(1.0 / sum(weights))
    ray = camera.rays(np.array([[(left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5]]))[0]
    if not np.isfinite(ray).all():
        return "no_calibration"
    point = ray * z
    pixel_m = np.array([z / one.fx, z / one.fy, 0.0])
    white = np.diag((pixel_m * noise.box_px / math.sqrt(2.0)) ** 2) + np.outer(point, point) * share**2
    bias = np.outer(point, point) * (noise.size_share**2 + noise.focal_share**2) + lens_m2(point, camera, noise)
    return _in_base(point, white, bias, place, "size", None)


def _in_base(
    point_camera: Vector, white: Vector, bias: Vector, place: CameraPlace, method: str, valid_share: float | None
) -> Measured | Reason:
    axes, point = place.base_from_camera.rotation, place.base_from_camera.apply(point_camera)
    jacobian = place_jacobian(place, point)
    noise_m2 = axes @ white @ axes.T + jacobian @ place.pose_m2 @ jacobian.T
    bias_m2 = axes @ bias @ axes.T + jacobian @ place.mount_m2 @ jacobian.T
    if not is_sane(point, place):
        return "out_of_range"
    return Measured(point, noise_m2, bias_m2, method, valid_share)


def lens_m2(point_camera: Vector, camera: CameraModel, noise: PositionNoise) -> Vector:
    """(3, 3) covariance that the focal lengths' and the principal point's errors give a point."""
    x, y, z = point_camera.tolist()
    one = camera.intrinsics
    across = (x * noise.focal_share) ** 2 + (z * noise.principal_px / one.fx) ** 2
    down = (y * noise.focal_share) ** 2 + (z * noise.principal_px / one.fy) ** 2
    return np.diag([across, down, 0.0])


def is_sane(point: Vector, place: CameraPlace) -> bool:
    """Whether a point is finite, at no absurd distance."""
    away = point - place.base_from_camera.translation_m
    return bool(np.isfinite(point).all()) and float(away @ away) <= _MAX_RANGE_M**2
