"""Drawings of a calibration: coverage, residuals, axes and the plane's grid in the camera's picture."""

# OpenCV's types leave much open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stream.geometry.board_pose import BoardCorners
from ...stream.geometry.camera_model import CameraModel
from ...stream.geometry.intrinsics_fit import GRID, IntrinsicsFit, ViewCoverage
from ...stream.geometry.rigid_transform import RigidTransform
from ...stream.geometry_options import SupportPlane
from .board import Picture

Points = NDArray[np.float64]
Colour = tuple[int, int, int]
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_RED, _GREEN, _BLUE = (225, 50, 45), (50, 170, 75), (50, 105, 230)
_WHITE, _BLACK, _ORANGE = (255, 255, 255), (20, 20, 20), (245, 140, 30)
_ARROW_SCALE = 40.0  # residuals are drawn so much longer
_BAR_PX = 260


def draw_live_view(image: Picture, coverage: ViewCoverage, corners: BoardCorners | None) -> Picture:
    """The camera's picture with the parts that lack corners in red, the board's corners, and what is missing."""
    canvas = _tinted(image, coverage)
    if corners is not None:
        for x, y in corners.image_px.tolist():
            cv2.circle(canvas, (round(x), round(y)), 4, _GREEN, 2, cv2.LINE_AA)
    missing = coverage.missing
    lines = [f"{coverage.views} views", *([f"missing: {one}" for one in missing] or ["complete"])]
    return _captioned(canvas, lines)


def draw_intrinsics(fit: IntrinsicsFit, views: Sequence[BoardCorners], coverage: ViewCoverage) -> Picture:
    """All corners of all views in one picture, with their residuals as arrows, 40 times as long as they are."""
    width, height = fit.camera.size
    canvas = _tinted(np.full((height, width, 3), 245, np.uint8), coverage)
    for view, pose in zip(views, fit.board_poses, strict=True):
        shown = fit.camera.project(pose.apply(view.board_m))
        for at, off in zip(view.image_px, shown - view.image_px, strict=True):
            start, end = _pixel(at), _pixel(at + _ARROW_SCALE * off)
            cv2.circle(canvas, start, 2, _BLUE, cv2.FILLED, cv2.LINE_AA)
            cv2.line(canvas, start, end, _RED, 1, cv2.LINE_AA)
    one = fit.camera.intrinsics
    cv2.drawMarker(canvas, _pixel(np.array([one.cx, one.cy])), _BLACK, cv2.MARKER_CROSS, 20, 1)
    lines = [
        f"fx {one.fx:.1f} fy {one.fy:.1f} cx {one.cx:.1f} cy {one.cy:.1f} px, {one.distortion}",
        f"residual {fit.residual_px:.2f} px, focal length known to {fit.focal_sigma:.2%}",
        f"{len(views)} views, {coverage.share:.0%} of the picture covered; arrows x{_ARROW_SCALE:.0f}",
    ]
    return _captioned(canvas, lines)


def draw_reprojection(image: Picture, found_px: Points, shown_px: Points, lines: Sequence[str]) -> Picture:
    """A view with the corners that were found (circles) and where the calibration puts them (crosses)."""
    canvas = np.ascontiguousarray(image).copy()
    for found, shown in zip(found_px, shown_px, strict=True):
        cv2.circle(canvas, _pixel(found), 5, _GREEN, 2, cv2.LINE_AA)
        if np.isfinite(shown).all():
            cv2.drawMarker(canvas, _pixel(shown), _RED, cv2.MARKER_CROSS, 10, 2, cv2.LINE_AA)
    return _captioned(canvas, lines)


def draw_bars(names: Sequence[str], values: Sequence[float], unit: str, title: str, height: int) -> Picture:
    """Bars of one value a view, the largest as wide as there is room."""
    canvas = np.full((height, _BAR_PX + 190, 3), 255, np.uint8)
    cv2.putText(canvas, title, (8, 20), _FONT, 0.5, _BLACK, 1, cv2.LINE_AA)
    step = max(9, min(24, (height - 40) // max(1, len(values))))
    most = max([*values, 1e-9])
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        top = 34 + row * step
        if top + step > height:
            break
        cv2.rectangle(canvas, (120, top), (120 + round(value / most * _BAR_PX), top + step - 3), _ORANGE, cv2.FILLED)
        cv2.putText(canvas, _ascii(name)[-16:], (4, top + step - 5), _FONT, 0.35, _BLACK, 1, cv2.LINE_AA)
        text = f"{value:.2f} {unit}"
        cv2.putText(canvas, text, (124, top + step - 5), _FONT, 0.35, _BLACK, 1, cv2.LINE_AA)
    return canvas


def draw_scene(
    image: Picture,
    camera: CameraModel,
    base_from_camera: RigidTransform,
    plane: SupportPlane | None,
    lines: Sequence[str],
) -> Picture:
    """The camera's picture with the robot's base axes (0.2 m: x red, y green, z blue) and the plane's 10 cm grid."""
    canvas = np.ascontiguousarray(image).copy()
    camera_from_base = base_from_camera.inverse()
    if plane is not None:
        for line in _grid_lines(plane, base_from_camera):
            _draw_line(canvas, camera, camera_from_base.apply(line), (90, 200, 250), 1)
    axes = np.eye(3) * 0.2
    for row, colour in enumerate((_RED, _GREEN, _BLUE)):
        line = np.linspace(np.zeros(3), axes[row], 25)
        _draw_line(canvas, camera, camera_from_base.apply(line), colour, 3)
        ahead = camera_from_base.apply(axes[row : row + 1] * 1.1)
        (tip,) = camera.project(ahead)
        if np.isfinite(tip).all() and np.linalg.norm(ahead[0, :2]) < _widest(camera) * ahead[0, 2]:
            cv2.putText(canvas, "xyz"[row], _pixel(tip), _FONT, 0.6, colour, 2, cv2.LINE_AA)
    return _captioned(canvas, lines)


def beside(left: Picture, right: Picture) -> Picture:
    """Two pictures of one height beside each other."""
    height = max(left.shape[0], right.shape[0])
    padded = [
        cv2.copyMakeBorder(one, 0, height - one.shape[0], 0, 0, cv2.BORDER_CONSTANT, value=_WHITE)
        for one in (left, right)
    ]
    return np.asarray(np.hstack(padded), np.uint8)


def _grid_lines(plane: SupportPlane, base_from_camera: RigidTransform) -> list[Points]:
    """Lines every 10 cm, 1 m around the point of the plane that the camera looks at, or that is below it."""
    normal = np.asarray(plane.normal)
    place, forward = base_from_camera.translation_m, base_from_camera.rotation[:, 2]
    height, slope = float(normal @ place) - plane.offset_m, float(normal @ forward)
    reach = -height / slope if slope * height < 0 and abs(slope) > 0.1 else 0.0
    middle = place + min(abs(reach), 5.0) * forward
    middle = middle - (normal @ middle - plane.offset_m) * normal
    first = np.cross(normal, [0.0, 1.0, 0.0] if abs(normal[1]) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    steps, along = np.arange(-10, 11) * 0.1, np.linspace(-1, 1, 81)[:, None]
    lines = [middle + step * second + along * first for step in steps]
    return lines + [middle + step * first + along * second for step in steps]


def _draw_line(canvas: Picture, camera: CameraModel, points_camera: Points, colour: Colour, width_px: int) -> None:
    """A line of many points, of which those outside the camera's field of view are left out.

    A distortion model that was fitted inside the picture folds back far outside of it.
    """
    pixels = camera.project(points_camera)
    depth = np.maximum(points_camera[:, 2], 1e-3)
    flat = np.linalg.norm(points_camera[:, :2], axis=1) / depth
    inside = np.all(np.isfinite(pixels), axis=1) & (points_camera[:, 2] > 0.02) & (flat < _widest(camera))
    for row in np.flatnonzero(inside[:-1] & inside[1:]).tolist():
        cv2.line(canvas, _pixel(pixels[row]), _pixel(pixels[row + 1]), colour, width_px, cv2.LINE_AA)


def _widest(camera: CameraModel) -> float:
    """The largest distance from the optical axis that the picture shows, on the plane z = 1, and a tenth more."""
    width, height = camera.size
    edge = np.array([[x, y] for x in (0.0, width / 2, width) for y in (0.0, height / 2, height)])
    return 1.1 * float(np.nanmax(np.linalg.norm(camera.rays(edge)[:, :2], axis=1)))


def _tinted(image: Picture, coverage: ViewCoverage) -> Picture:
    """A copy with the parts that have no corners in red."""
    canvas = np.ascontiguousarray(image).copy()
    height, width = canvas.shape[:2]
    for row, column in np.argwhere(coverage.cells == 0).tolist():
        top, bottom = row * height // GRID[0], (row + 1) * height // GRID[0]
        left, right = column * width // GRID[1], (column + 1) * width // GRID[1]
        part = canvas[top:bottom, left:right]
        part[:] = (0.7 * part + 0.3 * np.array(_RED)).astype(np.uint8)
    return canvas


def _captioned(canvas: Picture, lines: Sequence[str]) -> Picture:
    scale = max(0.4, canvas.shape[1] / 1600)
    step = round(34 * scale)
    for row, line in enumerate(lines):
        at = (8, (row + 1) * step)
        cv2.putText(canvas, _ascii(line), at, _FONT, scale, _BLACK, 4, cv2.LINE_AA)
        cv2.putText(canvas, _ascii(line), at, _FONT, scale, _WHITE, 1, cv2.LINE_AA)
    return canvas


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()  # the font knows no other letters


def _pixel(at: Points) -> tuple[int, int]:
    x, y = np.clip(at, -1e6, 1e6)
    return round(float(x)), round(float(y))
