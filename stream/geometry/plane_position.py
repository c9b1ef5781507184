"""Positions by the support plane: the point of the plane that each thing of a picture stands on, with covariance."""

# numpy leaves the types of einsum and linalg open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..geometry_options import PositionNoise, Size, SupportPlane
from .box_position import EDGE_PX, Reason, is_sane, lens_m2
from .camera_model import CameraModel
from .object_surface import Box
from .outline_fit import Feet, Outlines, fit_outlines
from .rigid_transform import Vector
from .uncertainty import CameraPlace, Measured, place_jacobian

_MIN_DOWNWARD = 0.05  # sine of the angle between a ray and the plane
_EDGES = ((3, 0), (0, 1), (1, 2), (2, 3))  # the corners of the left, upper, right and lower edge
_MIN_RADIUS_M = 1e-4


def plane_positions(
    boxes: Sequence[Box],
    sizes: Sequence[Size | None],
    camera: CameraModel,
    place: CameraPlace,
    plane: SupportPlane,
    noise: PositionNoise,
) -> list[Measured | Reason]:
    """The points of the support plane below the middles of things; or why there is none.

    Args:
        boxes: of the things, which stand or lie on the plane.
        sizes: of each; a known height or width makes its point more certain.
        camera, place, plane, noise: as calibrated.
    """
    if not boxes:
        return []
    edges = np.array(boxes, np.float64)
    rays = place.base_from_camera.turn(camera.rays(_pixels(edges).reshape(-1, 2))).reshape(-1, 5, 3)
    reasons = _reasons(edges, rays, camera, place, plane)
    good = [row for row, reason in enumerate(reasons) if reason is None]
    found: list[Measured | Reason] = [reason or "no_plane_hit" for reason in reasons]
    if not good:
        return found
    normal, eye = np.array(plane.normal), place.base_from_camera.translation_m
    distance = (plane.offset_m - float(normal @ eye)) / (rays[good, 4] @ normal)
    axes = _axes(rays[good, 4], normal, place)
    near = eye + rays[good, 4] * distance[:, None]
    outlines = _outlines(edges[good], rays[good], [sizes[row] for row in good], axes, distance, camera, noise)
    feet = fit_outlines(outlines)
    for number, row in enumerate(good):
        found[row] = _measured(feet, number, near[number], axes[number], camera, place, plane, noise)
    return found


def _pixels(edges: Vector) -> Vector:
    """(n, 5, 2) the four corners, from the upper left one to the right and around, and the lower edge's middle."""
    left, top, right, bottom = edges.T
    across = np.stack([left, right, right, left, (left + right) / 2], 1)
    return np.stack([across, np.stack([top, top, bottom, bottom, bottom], 1)], -1) - 0.5


def _reasons(
    edges: Vector, rays: Vector, camera: CameraModel, place: CameraPlace, plane: SupportPlane
) -> list[Reason | None]:
    width, height = camera.size
    left, _, right, bottom = edges.T
    cut = (bottom >= height - EDGE_PX) | (left <= EDGE_PX) | (right >= width - EDGE_PX)
    normal = np.array(plane.normal)
    downward, away_m = rays[:, 4] @ normal, plane.offset_m - float(normal @ place.base_from_camera.translation_m)
    with np.errstate(invalid="ignore"):
        hits = (np.abs(downward) >= _MIN_DOWNWARD * np.linalg.norm(rays[:, 4], axis=1)) & (away_m * downward > 0.0)
    finite = np.isfinite(rays).all((1, 2))
    return [
        "cut_off" if is_cut else "no_calibration" if not is_finite else None if is_hit else "no_plane_hit"
        for is_cut, is_finite, is_hit in zip(cut.tolist(), finite.tolist(), hits.tolist(), strict=True)
    ]


def _axes(rays: Vector, normal: Vector, place: CameraPlace) -> Vector:
    """(n, 3, 3) whose rows are the directions on the plane across and along each ray, and the one towards the eye."""
    up = normal if float(np.sum(rays[0] * normal)) < 0.0 else -normal
    along = rays - (rays @ up)[:, None] * up
    length = np.linalg.norm(along, axis=1, keepdims=True)
    right = place.base_from_camera.rotation[:, 0]
    level = np.cross(up, right - up * float(up @ right))  # for a camera that looks straight at the plane
    along = np.where(length > 1e-6, along / np.maximum(length, 1e-6), level / max(1e-9, float(np.linalg.norm(level))))
    return np.stack([np.cross(along, up), along, np.broadcast_to(up, along.shape)], 1)


def _outlines(
    edges: Vector,
    rays: Vector,
    sizes: Sequence[Size | None],
    axes: Vector,
    distance: Vector,
    camera: CameraModel,
    noise: PositionNoise,
) -> Outlines:
    first, second = zip(*_EDGES, strict=True)
    touching = np.cross(rays[:, first], rays[:, second])
    touching /= np.maximum(np.linalg.norm(touching, axis=2, keepdims=True), 1e-12)
    inward = np.einsum("nij,nj->ni", touching, rays[:, :4].mean(1)) > 0.0
    touching = np.where(inward[..., None], -touching, touching) @ np.swapaxes(axes, 1, 2)
    one = camera.intrinsics
    radius = distance * (edges[:, 2] - edges[:, 0]) / (2 * one.fx)
    eye = -np.einsum("nij,nj->ni", axes, rays[:, 4] * distance[:, None])
    counts = np.ones((len(edges), 4))
    counts[:, 1] = edges[:, 1] > EDGE_PX
    heights = [math.nan if size is None or size.height_m is None else size.height_m for size in sizes]
    widths = [math.nan if size is None or size.width_m is None else size.width_m for size in sizes]
    return Outlines(
        touching,
        counts,
        eye,
        np.maximum(radius, _MIN_RADIUS_M),
        np.maximum(noise.box_px, 1e-3) * distance / min(one.fx, one.fy),
        np.array(heights),
        np.array(widths),
        max(noise.size_share, 1e-3),
    )


def _measured(
    feet: Feet,
    number: int,
    near: Vector,
    axes: Vector,
    camera: CameraModel,
    place: CameraPlace,
    plane: SupportPlane,
    noise: PositionNoise,
) -> Measured | Reason:
    """A foot's point in the base's frame: an error of the ray or the camera moves it along the plane."""
    flat = axes[:2]
    point = near + feet.point_m[number] @ flat
    normal, ray = np.array(plane.normal), point - place.base_from_camera.translation_m
    downward = float(normal @ ray)
    if not is_sane(point, place) or abs(downward) < _MIN_DOWNWARD**2 * math.sqrt(float(ray @ ray)):
        return "out_of_range"
    slide = np.eye(3) - np.outer(ray, normal) / downward  # a move of the ray becomes a move on the plane
    lens = lens_m2(place.base_from_camera.inverse().apply(point), camera, noise)
    turned = slide @ place.base_from_camera.rotation
    bias = turned @ lens @ turned.T + flat.T @ feet.shape_m2[number] @ flat
    lift = ray / downward
    bias += np.outer(lift, lift) * noise.plane_m**2
    jacobian = slide @ place_jacobian(place, point)
    white = flat.T @ feet.edges_m2[number] @ flat + jacobian @ place.pose_m2 @ jacobian.T
    bias += jacobian @ place.mount_m2 @ jacobian.T
    return Measured(point, white, bias, "plane")
