"""Frame geometry: one frame's camera, its place and its depth, and what they say about each box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..geometry_options import GeometryOptions, Size, SupportPlane
from .box_position import Reason, depth_position, plane_position, size_position
from .camera_model import CameraModel
from .depth_grid import DepthGrid
from .object_surface import Box, DepthNoise, ObjectSurface, find_surface
from .rigid_transform import Vector
from .stereo import Sighting, stereo_position
from .uncertainty import CameraPlace, Measured


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

    def measure(self, box: Box, size: Size | None, sighting: Sighting | None) -> Measured | Reason:
        """The position by the first method that gives one; else why the first method that is set gave none."""
        first: Reason | None = None
        for found in self._tries(box, size, sighting):
            if isinstance(found, Measured):
                return found
            first = first or found
        return first or "no_size"

    def _tries(self, box: Box, size: Size | None, sighting: Sighting | None) -> Iterator[Measured | Reason]:
        options = self.options
        if options.depth is not None:
            yield self._by_depth(box)
        if options.stereo is not None:
            yield "no_partner" if sighting is None else stereo_position(sighting, self.others)
        if options.plane is not None:
            is_hidden = any(_hides_foot(other, box) for other in self.boxes)
            plane = options.plane
            yield "hidden" if is_hidden else plane_position(box, self.camera, self.place, plane, options.noise, size)
        if options.sizes:
            yield "no_size" if size is None else size_position(box, self.camera, self.place, size, options.noise)

    def _by_depth(self, box: Box) -> Measured | Reason:
        options = self.options
        if options.depth is None or self.depth is None:
            return "no_depth"
        noise = options.noise
        plane = None if options.plane is None else _seen_from(self.place, options.plane)
        surface = find_surface(
            self.depth, box, DepthNoise(noise.depth_m, noise.depth_per_m2, noise.depth_from_m), plane
        )
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
