"""Depth grid: a frame's depth picture over the rays of its colour camera, registered where it was not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..depth_image import DepthImage
from ..geometry_options import DepthOptions
from .camera_model import CameraModel, CameraModelError
from .rigid_transform import RigidTransform

_MAX_POINTS_ACROSS = 320  # of a depth picture that is registered here
_CHECK_EVERY_PX = 16
_TOO_FAR_M, _TOO_NEAR_M = 100.0, 0.02  # medians that no depth camera gives


@dataclass(frozen=True, slots=True, eq=False)
class DepthGrid:
    """Depth values and the rays that they lie on.

    Args:
        values: (h, w) uint16 or float32.
        unit_m: metres of a value of 1.
        rays: (h, w, 2) float32 x and y of each value's ray on the plane z = 1 of the colour camera.
        scale_xy: a pixel of the colour picture becomes one of the grid by these.
        min_m, max_m: values beyond count as invalid.
    """

    values: NDArray[np.uint16] | NDArray[np.float32]
    unit_m: float
    rays: NDArray[np.float32]
    scale_xy: tuple[float, float]
    min_m: float
    max_m: float


class DepthGridMaker:
    """Makes grids of one source's depth pictures; keeps the rays between frames.

    Attributes:
        warning: why the last depth picture cannot be used, or what is odd about it; None where nothing is.

    Args:
        options: the source's depth.
    """

    def __init__(self, options: DepthOptions) -> None:
        self.warning: str | None = None
        self._options = options
        self._rays: dict[tuple[CameraModel, int, int], NDArray[np.float32]] = {}
        self._colour_from_depth = RigidTransform.from_placement(options.colour_from_depth)

    def make(self, depth: DepthImage, camera: CameraModel) -> DepthGrid | None:
        """The grid of a depth picture for a colour camera; None, and a warning, where their sizes do not fit."""
        height, width = depth.values.shape
        options = self._options
        try:
            if options.camera is None:
                own = camera.scaled_to(width, height)
                values, unit_m = depth.values, depth.unit_m
            else:
                own, values = self._register(depth, CameraModel(options.camera).scaled_to(width, height), camera)
                unit_m = 1.0
        except CameraModelError as error:
            self.warning = f"the depth picture does not fit: {error}"
            return None
        self.warning = _odd_unit(values, unit_m)
        scale_xy = own.size[0] / camera.size[0], own.size[1] / camera.size[1]
        return DepthGrid(values, unit_m, self._rays_of(own), scale_xy, options.min_m, options.max_m)

    def _rays_of(self, camera: CameraModel) -> NDArray[np.float32]:
        width, height = camera.size
        key = (camera, width, height)
        if key not in self._rays:
            v, u = np.mgrid[0:height, 0:width]
            rays = camera.rays(np.column_stack([u.ravel(), v.ravel()]).astype(np.float64))[:, :2]
            if len(self._rays) > 4:  # pictures that change their size over and over
                self._rays.clear()
            self._rays[key] = np.ascontiguousarray(rays.reshape(height, width, 2), np.float32)
        return self._rays[key]

    def _register(
        self, depth: DepthImage, own: CameraModel, camera: CameraModel
    ) -> tuple[CameraModel, NDArray[np.float32]]:
        """Every depth pixel as the colour camera sees it, the nearest of several; and that grid's camera."""
        width = depth.values.shape[1]
        step = max(1, -(-width // _MAX_POINTS_ACROSS))
        z = depth.values[::step, ::step].astype(np.float64) * depth.unit_m
        rays = self._rays_of(own)[::step, ::step].astype(np.float64)
        with np.errstate(invalid="ignore"):
            valid = (z >= self._options.min_m) & (z <= self._options.max_m) & np.isfinite(rays).all(-1)
        z, rays = z[valid], rays[valid]
        points = self._colour_from_depth.apply(np.column_stack([rays[:, 0] * z, rays[:, 1] * z, z]))
        shrink = max(1, round(step * camera.intrinsics.fx / own.intrinsics.fx))
        grid = camera.scaled_to(max(1, camera.size[0] // shrink), max(1, camera.size[1] // shrink))
        across, down = grid.size
        pixels = grid.project(points)
        with np.errstate(invalid="ignore"):
            inside = ((pixels > -0.5) & (pixels < np.array([across - 0.5, down - 0.5]))).all(1)
        cells, distances = np.rint(pixels[inside]).astype(np.int64), points[inside, 2].astype(np.float32)
        values = np.full(across * down, np.inf, np.float32)
        np.minimum.at(values, cells[:, 1] * across + cells[:, 0], distances)
        values[np.isinf(values)] = 0.0
        return grid, values.reshape(down, across)


def _odd_unit(values: NDArray[np.uint16] | NDArray[np.float32], unit_m: float) -> str | None:
    """A warning where the median distance is one that no depth camera gives: the unit is wrong."""
    few = values[::_CHECK_EVERY_PX, ::_CHECK_EVERY_PX]
    few = few[np.isfinite(few) & (few > 0)]
    if len(few) < 8:
        return None
    median_m = float(np.median(few)) * unit_m
    if _TOO_NEAR_M <= median_m <= _TOO_FAR_M:
        return None
    return f"half of the depth picture is beyond {median_m:.3g} m: is `depth_unit_m` right?"
