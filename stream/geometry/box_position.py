"""A box's position by one picture: from its depth, from the support plane, or from a known size, with covariance."""

from __future__ import annotations

import math

import numpy as np

from ..geometry_options import DepthOptions, PositionNoise, Size, SupportPlane
from .camera_model import CameraModel
from .object_surface import Box, ObjectSurface
from .rigid_transform import Vector
from .uncertainty import CameraPlace, Measured, place_jacobian

_WHITE_SHARE = 0.25  # of a box's error in px that a mean over many depth pixels keeps
_MAX_INDEPENDENT = 40  # neighbouring depth pixels share errors
_SURFACE_SHARE = 0.16  # error of a surface's mean, as a share of its spread: edges are cut, parts are missed
_SURFACE_FLOOR_M2 = np.eye(3) * 0.0008**2
_MIN_DOWNWARD = 0.05  # sine of the angle between a ray and the plane
_UNKNOWN_SHAPE = 0.30  # of a thing's width: where it stands behind the point that its box ends at
_KNOWN_SHAPE = 0.12
_FOOT = 0.38  # of a thing's width: from the point that its box ends at to the middle of its foot
_MAX_RANGE_M = 1000.0
_EDGE_PX = 1.5

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
    bias += along * noise.depth_bias**2 + _lens_m2(point, camera, noise)
    return _in_base(point, white, bias, place, "depth", surface.valid_share)


def plane_position(
    box: Box, camera: CameraModel, place: CameraPlace, plane: SupportPlane, noise: PositionNoise, size: Size | None
) -> Measured | Reason:
    """The point of the support plane on which the thing in a box stands; or why there is none.

    The ray through the middle of the box's lower edge meets the plane in front of the thing. With the thing's height,
    the ray through its upper edge meets the plane at that height behind it: the thing stands in the middle between the
    two, whatever its shape, if that is symmetric. Without, it stands a share of its width behind the first point.
    """
    left, top, right, bottom = box
    width, height = camera.size
    if bottom >= height - _EDGE_PX or left <= _EDGE_PX or right >= width - _EDGE_PX:
        return "cut_off"
    middle = (left + right) / 2
    pixels = np.array([(middle, bottom), (middle, top), (left, bottom), (right, bottom)]) - 0.5
    rays = camera.rays(pixels)
    if not np.isfinite(rays).all():
        return "no_calibration"
    normal = np.array(plane.normal)
    rays = place.base_from_camera.turn(rays)
    eye = place.base_from_camera.translation_m
    near = _meet(eye, rays[0], normal, plane.offset_m)
    if near is None:
        return "no_plane_hit"
    distance = (plane.offset_m - float(normal @ eye)) / float(normal @ rays[0])  # along the camera's axis
    width_m = distance * (right - left) / camera.intrinsics.fx
    along = rays[0] - normal * float(normal @ rays[0])
    along_length = math.sqrt(float(along @ along))
    away = along / along_length if along_length > 1e-9 else np.zeros(3)
    far = None
    if size is not None and size.height_m is not None and top > _EDGE_PX:
        far = _meet(eye, rays[1], normal, plane.offset_m + size.height_m)
    shape_m = _UNKNOWN_SHAPE * width_m
    if far is None:
        point = near + away * (_FOOT * width_m)
    else:
        point = (near + far - normal * (size.height_m if size and size.height_m else 0.0)) / 2
        shape_m = _KNOWN_SHAPE * width_m
    return _on_plane(point, away, shape_m, rays[0], distance, camera, place, plane, noise)


def size_position(
    box: Box, camera: CameraModel, place: CameraPlace, size: Size, noise: PositionNoise
) -> Measured | Reason:
    """The middle of a thing whose width or height is known, by how large its box is; or why there is none."""
    left, top, right, bottom = box
    width, height = camera.size
    across, down = right - left, bottom - top
    cut_x = left <= _EDGE_PX or right >= width - _EDGE_PX
    cut_y = top <= _EDGE_PX or bottom >= height - _EDGE_PX
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
    bias = np.outer(point, point) * (noise.size_share**2 + noise.focal_share**2) + _lens_m2(point, camera, noise)
    return _in_base(point, white, bias, place, "size", None)


def _on_plane(
    point: Vector,
    away: Vector,
    shape_m: float,
    ray: Vector,
    distance: float,
    camera: CameraModel,
    place: CameraPlace,
    plane: SupportPlane,
    noise: PositionNoise,
) -> Measured | Reason:
    """A point of the plane with its covariance: an error of the ray or the camera moves it along the plane."""
    normal = np.array(plane.normal)
    slide = np.eye(3) - np.outer(ray, normal) / float(normal @ ray)  # a move of the ray becomes a move on the plane
    axes = place.base_from_camera.rotation
    pixel_m = np.array([distance / camera.intrinsics.fx, distance / camera.intrinsics.fy, 0.0])
    white = slide @ axes @ np.diag((pixel_m * noise.box_px) ** 2) @ axes.T @ slide.T
    lens = _lens_m2(place.base_from_camera.inverse().apply(point), camera, noise)
    bias = slide @ axes @ lens @ axes.T @ slide.T
    bias += np.outer(away, away) * shape_m**2 + np.eye(3) * (shape_m / 3) ** 2
    lift = ray / float(normal @ ray)
    bias += np.outer(lift, lift) * noise.plane_m**2
    jacobian = slide @ place_jacobian(place, point)
    white += jacobian @ place.pose_m2 @ jacobian.T
    bias += jacobian @ place.mount_m2 @ jacobian.T
    return Measured(point, white, bias, "plane") if _is_sane(point, place) else "out_of_range"


def _in_base(
    point_camera: Vector, white: Vector, bias: Vector, place: CameraPlace, method: str, valid_share: float | None
) -> Measured | Reason:
    axes, point = place.base_from_camera.rotation, place.base_from_camera.apply(point_camera)
    jacobian = place_jacobian(place, point)
    noise_m2 = axes @ white @ axes.T + jacobian @ place.pose_m2 @ jacobian.T
    bias_m2 = axes @ bias @ axes.T + jacobian @ place.mount_m2 @ jacobian.T
    if not _is_sane(point, place):
        return "out_of_range"
    return Measured(point, noise_m2, bias_m2, method, valid_share)


def _lens_m2(point_camera: Vector, camera: CameraModel, noise: PositionNoise) -> Vector:
    """(3, 3) covariance that the focal lengths' and the principal point's errors give a point."""
    x, y, z = point_camera.tolist()
    one = camera.intrinsics
    across = (x * noise.focal_share) ** 2 + (z * noise.principal_px / one.fx) ** 2
    down = (y * noise.focal_share) ** 2 + (z * noise.principal_px / one.fy) ** 2
    return np.diag([across, down, 0.0])


def _meet(eye: Vector, ray: Vector, normal: Vector, offset_m: float) -> Vector | None:
    """Where a ray meets a plane in front of the camera, at no flat angle; None where it does not."""
    downward, length = float(normal @ ray), math.sqrt(float(ray @ ray))
    if abs(downward) < _MIN_DOWNWARD * length:
        return None
    along = (offset_m - float(normal @ eye)) / downward
    return eye + ray * along if along > 0.0 else None


def _is_sane(point: Vector, place: CameraPlace) -> bool:
    away = point - place.base_from_camera.translation_m
    return bool(np.isfinite(point).all()) and float(away @ away) <= _MAX_RANGE_M**2
