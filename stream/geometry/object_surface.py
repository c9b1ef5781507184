"""Object surface: which depth pixels of a box belong to the thing in it, and where the mean of them lies.

The surface that the thing stands on is known, or is found around the box as a plane: 1 / z is linear in the ray.
What stands out of it falls into pieces where the depth jumps. The piece, or the few pieces, whose extent fits the box
best is the thing; what is in front of it or behind it reaches out of the box or fills a part of it.
"""

# OpenCV's types leave much open.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .depth_grid import DepthGrid
from .rigid_transform import Vector

_MARGIN = 0.3  # of the box's sides, to see what surrounds it
_MAX_CELLS = 44  # along a side of the window
_MIN_VALID = 12
_MIN_HEIGHT_M = 0.003
_MAX_OFFSET_M = 0.012  # of a known plane from the measured one
_HEIGHT_SIGMAS = 2.5
_JUMP_M = 0.008
_JUMP_SIGMAS = 4.0
_STEEP = 3.0  # a surface may fall away by so much per length across
_TRIALS = 40
_MIN_PLANE_SHARE = 0.35
_MIN_FIT = 0.4
_MAX_BEHIND_M = 0.02
_BETTER = 1.05
_MAX_PIECES = 4
_FLAT_SHARE = 0.6

Box = tuple[float, float, float, float]
Grid = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DepthNoise:
    """The standard deviation of a depth pixel: a + b (z - c)^2, metres."""

    a_m: float
    b_per_m: float
    c_m: float

    def sigma_m(self, z: Grid) -> Grid:
        return self.a_m + self.b_per_m * (z - self.c_m) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class ObjectSurface:
    """The visible surface of a thing, in the camera's frame.

    Args:
        mean_m: (3,) mean of its points.
        spread_m2: (3, 3) covariance of its points.
        count: how many there are.
        valid_share: the share of the box's pixels whose depth is valid.
        fit: the overlap of the surface's extent with the box, 0..1.
    """

    mean_m: Vector
    spread_m2: Vector
    count: int
    valid_share: float
    fit: float


def find_surface(
    grid: DepthGrid,
    box_xyxy: Box,
    noise: DepthNoise,
    plane: Vector | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> ObjectSurface | float:
    """The visible surface of the thing in a box.

    Args:
        grid: the frame's depth.
        box_xyxy: px of the colour picture, edges.
        noise: of a depth pixel.
        plane: (3,) p with p . point = 1 for the points of the support plane in the camera's frame; None is not known.
        mask: (h, w) of the grid: the thing's pixels, where they are known; the share of valid pixels is then theirs.

    Returns:
        The surface; or the share of valid pixels where no surface fits the box.
    """
    window = _Window.cut(grid, box_xyxy)
    if mask is not None:
        return _of_mask(window, mask[window.rows, window.columns], noise, plane)
    valid_share, seen = window.valid_share, np.count_nonzero(window.valid & window.inside)
    if seen < _MIN_VALID:
        return valid_share
    sigma_m = noise.sigma_m(window.z)
    support = _fit_plane(window, sigma_m) if plane is None else plane
    height = None if support is None else _height(window, support, sigma_m, is_refined=plane is None)
    standing = window.valid if height is None else window.valid & (height > 1.0)
    chosen, fit = _best_pieces(window, standing, sigma_m)
    if height is not None and fit < _MIN_FIT:
        on_it = window.valid & window.inside & ~standing & (height > -1.0)
        if np.count_nonzero(on_it) >= _FLAT_SHARE * seen:  # a thing that is as flat as its support
            return _surface(window, on_it, valid_share, fit)
    if fit < _MIN_FIT or _lies_behind(window, chosen):
        return valid_share
    return _surface(window, chosen, valid_share, fit)


def _of_mask(
    window: _Window, mask: NDArray[np.bool_], noise: DepthNoise, plane: Vector | None
) -> ObjectSurface | float:
    """The surface of a mask's cells, without those of its rim that lie on the support or between it and the thing."""
    count = np.count_nonzero(mask)
    chosen = window.valid & mask
    valid_share = float(np.count_nonzero(chosen)) / count if count else 0.0
    if plane is not None:
        standing = chosen & (_height(window, plane, noise.sigma_m(window.z), is_refined=False) > 1.0)
        if np.count_nonzero(standing) > (1.0 - _FLAT_SHARE) * np.count_nonzero(chosen):
            chosen = standing
    return _surface(window, _without_outliers(window, chosen), valid_share, 1.0)


def _lies_behind(window: _Window, chosen: NDArray[np.bool_]) -> bool:
    """Whether cells are farther away than most of what surrounds the box, so that they are seen past the thing."""
    around = window.z[window.around]
    return len(around) > _MIN_VALID and _median(window.z[chosen]) > _median(around) + _MAX_BEHIND_M


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """The cells in and around a box: every so many pixels one."""

    rows: slice
    columns: slice
    z: Grid
    x: Grid
    y: Grid
    valid: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    around: NDArray[np.bool_]  # valid, and outside the box
    box: Box  # in cells
    cell_m: float  # a cell's side at a distance of 1 m

    @property
    def valid_share(self) -> float:
        inside = np.count_nonzero(self.inside)
        return float(np.count_nonzero(self.valid & self.inside)) / inside if inside else 0.0

    @classmethod
    def cut(cls, grid: DepthGrid, box: Box) -> _Window:
        height, width = grid.values.shape
        across, down = grid.scale_xy
        left, top, right, bottom = box[0] * across, box[1] * down, box[2] * across, box[3] * down
        across, down = _MARGIN * (right - left) + 3, _MARGIN * (bottom - top) + 3
        x0, x1 = max(0, int(left - across)), min(width, math.ceil(right + across))
        y0, y1 = max(0, int(top - down)), min(height, math.ceil(bottom + down))
        step = max(1, math.ceil(max(x1 - x0, y1 - y0) / _MAX_CELLS))
        y0, x0 = min(y0 + (step - 1) // 2, y1), min(x0 + (step - 1) // 2, x1)  # the middle of each cell
        rows, columns = slice(y0, y1, step), slice(x0, x1, step)
        z = grid.values[rows, columns].astype(np.float64) * grid.unit_m
        own = grid.rays[rows, columns]
        if grid.values.dtype != np.uint16:
            np.nan_to_num(z, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        valid = (z >= grid.min_m) & (z <= grid.max_m) & np.isfinite(own[..., 0])
        z[~valid] = 0.0
        inside = np.zeros(z.shape, np.bool_)
        inside[_cells(y0, y1, step, top, bottom), _cells(x0, x1, step, left, right)] = True
        cells = ((left - x0) / step, (top - y0) / step, (right - x0) / step, (bottom - y0) / step)
        cell_m = abs(float(own[0, -1, 0] - own[0, 0, 0])) / max(1, own.shape[1] - 1) if own.size else 0.0
        return cls(rows, columns, z, own[..., 0], own[..., 1], valid, inside, valid > inside, cells, cell_m)


def _cells(first: int, end: int, step: int, low: float, high: float) -> slice:
    """The cells of a window's side whose middles lie between two edges."""
    begin = max(0, math.ceil((low - 0.5 - first) / step))
    return slice(begin, max(begin, min(math.floor((high - 0.5 - first) / step) + 1, -(-(end - first) // step))))


def _height(window: _Window, plane: Vector, sigma_m: Grid, *, is_refined: bool = True) -> Grid:
    """Each cell's height above a plane, in units of what is certainly above it.

    A plane that is known beforehand is first moved along its normal to what is measured around the box: calibration is
    off by millimetres.
    """
    a, b, c = plane.tolist()
    length = math.sqrt(a * a + b * b + c * c)
    slope = (a / length) * window.x
    slope += (b / length) * window.y
    slope += c / length  # normal . ray
    height_m = 1.0 / length - slope * window.z
    if not is_refined:
        height_m -= _offset(height_m[window.around])
    return height_m / np.maximum(_MIN_HEIGHT_M, _HEIGHT_SIGMAS * sigma_m * np.abs(slope))


def _offset(heights_m: Grid) -> float:
    """How far above a known plane the plane lies that is measured; 0 where too little of it is seen."""
    near = heights_m[np.abs(heights_m) < _MAX_OFFSET_M]
    return 0.0 if len(near) < max(_MIN_VALID, 0.2 * len(heights_m)) else _median(near)


def _fit_plane(window: _Window, sigma_m: Grid) -> Vector | None:
    """The plane around the box, (3,) p with p . point = 1; None where there is none. RANSAC, then least squares."""
    around = window.around
    x, y, z = window.x[around], window.y[around], window.z[around]
    if len(z) < 3 * _MIN_VALID:
        return None
    rays = np.column_stack([x, y, np.ones(len(x))]).astype(np.float64)
    disparity, tolerance = 1.0 / z, 2.0 * sigma_m[around] / (z * z)
    picks = np.random.default_rng(len(z)).integers(0, len(z), (_TRIALS, 3))
    triples = rays[picks]
    usable = np.abs(np.linalg.det(triples)) > 1e-9
    if not usable.any():
        return None
    planes = np.linalg.solve(triples[usable], disparity[picks[usable]][..., None])[..., 0]
    hits = np.abs(planes @ rays.T - disparity) < tolerance
    best = int(np.argmax(hits.sum(1)))
    inliers = hits[best]
    plane: Vector | None = None
    for _ in range(2):
        if np.count_nonzero(inliers) < max(_MIN_VALID, _MIN_PLANE_SHARE * len(z)):
            return None
        own = rays[inliers]
        gram = own.T @ own + 1e-12 * np.eye(3)
        plane = np.linalg.solve(gram, own.T @ disparity[inliers])
        inliers = np.abs(rays @ plane - disparity) < 1.5 * tolerance
    return plane


def _best_pieces(window: _Window, standing: NDArray[np.bool_], sigma_m: Grid) -> tuple[NDArray[np.bool_], float]:
    """The pieces without a jump whose extent fits the box best, and how well it does."""
    labels = _label(window, standing, sigma_m)
    rects = [_rect(*one) for one in labels[1]]
    order = sorted(range(len(rects)), key=lambda i: -_overlap(rects[i], window.box))
    chosen: list[int] = []
    rect, fit = (0.0, 0.0, 0.0, 0.0), 0.0
    for i in order[:_MAX_PIECES]:
        joined = rects[i] if not chosen else _union(rect, rects[i])
        better = _overlap(joined, window.box)
        if not chosen or better > fit * _BETTER:
            chosen.append(i)
            rect, fit = joined, better
    if not chosen:
        return np.zeros_like(standing), 0.0
    is_wanted = np.zeros(len(rects) + 1, bool)
    is_wanted[[i + 1 for i in chosen]] = True
    return is_wanted[labels[0]] & window.inside, fit


def _label(
    window: _Window, standing: NDArray[np.bool_], sigma_m: Grid
) -> tuple[NDArray[np.int32], list[tuple[int, int, int, int]]]:
    """Number the pieces of cells between which the depth does not jump; and left, top, width, height of each."""
    z = window.z
    limit = _JUMP_M + _JUMP_SIGMAS * sigma_m + _STEEP * window.cell_m * z
    kept = standing.copy()
    across = (np.abs(np.diff(z, axis=1)) > limit[:, 1:]) & standing[:, 1:] & standing[:, :-1]
    down = (np.abs(np.diff(z, axis=0)) > limit[1:]) & standing[1:] & standing[:-1]
    kept[:, 1:] &= ~across
    kept[:, :-1] &= ~across
    kept[1:] &= ~down
    kept[:-1] &= ~down
    count, labels, stats, _ = cv2.connectedComponentsWithStats(kept.astype(np.uint8), connectivity=4)
    big = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= 6]
    renumbered = np.zeros(count, np.int32)
    renumbered[big] = np.arange(1, len(big) + 1)
    return renumbered[labels], [tuple(stats[i, :4].tolist()) for i in big]


def _without_outliers(window: _Window, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells of a mask without flying pixels, which lie between the thing and what is behind it."""
    if not chosen.any():
        return chosen
    low, middle, high = np.percentile(window.z[chosen], [25, 50, 75])
    reach = max(0.01, 3.0 * float(high - low))
    return chosen & (np.abs(window.z - middle) <= reach)


def _surface(window: _Window, chosen: NDArray[np.bool_], valid_share: float, fit: float) -> ObjectSurface | float:
    z = window.z[chosen]
    if len(z) < _MIN_VALID:
        return valid_share
    points = np.stack([window.x[chosen] * z, window.y[chosen] * z, z])
    mean = points.sum(1) / len(z)
    away = points - mean[:, None]
    return ObjectSurface(mean, away @ away.T / len(z), len(z), valid_share, fit)


def _median(values: Grid) -> float:
    """The upper one of two; numpy's own costs several times as much on a few hundred values."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _rect(left: int, top: int, width: int, height: int) -> Box:
    return float(left), float(top), float(left + width), float(top + height)


def _union(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    shared = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    shared *= max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    both = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    return shared / both if both > 0.0 else 0.0
