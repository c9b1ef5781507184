"""Frame geometry: one frame's camera, its place and its depth, and what they say about each box."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry_options import GeometryOptions, Size, SupportPlane
from .box_position import Reason, depth_position, size_position
from .camera_model import CameraModel
from .depth_grid import DepthGrid
from .object_surface import Box, DepthNoise, ObjectSurface, find_surface
from .plane_position import plane_positions
from .rigid_transform import Vector
from .stereo import Sighting, stereo_position
from .uncertainty import CameraPlace, Measured

_Method = Callable[[Sequence["SeenBox"]], list[Measured | Reason]]


@dataclass(frozen=True, slots=True, eq=False)
class SeenBox:
    """One thing as the camera saw it.

    Args:
        box: px of the picture.
        size: None where it is not known.
        sighting: for two cameras; None where there is none.
        mask: (height, width) of the picture: the thing's pixels; None where they are not known.
    """

    box: Box
    size: Size | None = None
    sighting: Sighting | None = None
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameGeometry:
    """All that is known of one frame.

    Args:
        options: the source's geometry.
        camera: the model at the picture's size.
        place: of the camera at the capture time.
        depth: None where there is no depth picture for the frame.
        others: what the other camera saw at that time.
        boxes: of all things in the frame.
    """

    options: GeometryOptions
    camera: CameraModel
    place: CameraPlace
    depth: DepthGrid | None = None
    others: tuple[Sighting, ...] = ()
    boxes: tuple[Box, ...] = ()

    def measure(self, seen: Sequence[SeenBox]) -> list[Measured | Reason]:
        """Each one's position by the first method that gives one; else why the first that is set gave none."""
        found: list[Measured | Reason | None] = [None] * len(seen)
        for method in self._methods():
            left = [row for row, one in enumerate(found) if not isinstance(one, Measured)]
            for row, answer in zip(left, method([seen[row] for row in left]) if left else (), strict=True):
                if isinstance(answer, Measured) or found[row] is None:
                    found[row] = answer
        return [one or "no_size" for one in found]

    def _methods(self) -> list[_Method]:
        options = self.options
        asked = (options.depth, options.stereo, options.plane, options.sizes or None)
        methods = (self._by_depth, self._by_stereo, self._by_plane, self._by_size)
        return [method for method, option in zip(methods, asked, strict=True) if option is not None]

    def _by_stereo(self, seen: Sequence[SeenBox]) -> list[Measured | Reason]:
        return ["no_partner" if one.sighting is None else stereo_position(one.sighting, self.others) for one in seen]

    def _by_plane(self, seen: Sequence[SeenBox]) -> list[Measured | Reason]:
        assert self.options.plane is not None
        hidden = [any(_hides_foot(other, one.box) for other in self.boxes) for one in seen]
        shown = [one for one, is_hidden in zip(seen, hidden, strict=True) if not is_hidden]
        boxes, sizes = [one.box for one in shown], [one.size for one in shown]
        found = iter(plane_positions(boxes, sizes, self.camera, self.place, self.options.plane, self.options.noise))
        return ["hidden" if is_hidden else next(found) for is_hidden in hidden]

    def _by_size(self, seen: Sequence[SeenBox]) -> list[Measured | Reason]:
        noise = self.options.noise
        return [
            "no_size" if one.size is None else size_position(one.box, self.camera, self.place, one.size, noise)
            for one in seen
        ]

    def _by_depth(self, seen: Sequence[SeenBox]) -> list[Measured | Reason]:
        if self.depth is None:
            return ["no_depth"] * len(seen)
        plane = None if self.options.plane is None else _seen_from(self.place, self.options.plane)
        return [self._depth_of(one, self.depth, plane) for one in seen]

    def _depth_of(self, seen: SeenBox, depth: DepthGrid, plane: Vector | None) -> Measured | Reason:
        options, noise = self.options, self.options.noise
        assert options.depth is not None
        pixel = DepthNoise(noise.depth_m, noise.depth_per_m2, noise.depth_from_m)
        mask = None if seen.mask is None else _mask_on(depth, seen.mask)
        surface = find_surface(depth, seen.box, pixel, plane, mask)
        if not isinstance(surface, ObjectSurface):
            return "no_depth"
        if surface.valid_share < options.depth.min_valid_share:
            return "no_depth"
        return depth_position(surface, self.camera, self.place, noise, options.depth)


def _hides_foot(other: Box, box: Box) -> bool:
    """Whether a thing may stand in front of the middle of a box's lower edge: it ends lower, so it is nearer."""
    left, _, right, bottom = box
    quarter = (right - left) / 4
    covers = other[0] < right - quarter and other[2] > left + quarter
    return covers and other[1] < bottom - 1.0 and other[3] > bottom + 1.0


def _mask_on(depth: DepthGrid, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A picture's mask at the size of the depth grid: of each cell the pixel at its middle."""
    height, width = depth.values.shape
    if mask.shape == (height, width):
        return mask
    across, down = depth.scale_xy
    columns = np.minimum(((np.arange(width) + 0.5) / across).astype(np.intp), mask.shape[1] - 1)
    rows = np.minimum(((np.arange(height) + 0.5) / down).astype(np.intp), mask.shape[0] - 1)
    return mask[np.ix_(rows, columns)]


def sizes_of(options: GeometryOptions, phrases: Iterable[str]) -> list[Size | None]:
    """The known size of each phrase."""
    known = dict(options.sizes)
    return [known.get(phrase) for phrase in phrases]


def _seen_from(place: CameraPlace, plane: SupportPlane) -> Vector | None:
    """(3,) p with p . point = 1 for the plane's points as the camera sees them; None where the camera lies in it."""
    base_from_camera, normal = place.base_from_camera, np.array(plane.normal)
    away_m = plane.offset_m - float(normal @ base_from_camera.translation_m)
    if abs(away_m) < 1e-6:
        return None
    return base_from_camera.rotation.T @ normal / away_m
