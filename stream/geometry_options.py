"""Geometry options: a source's camera, its place, and how positions in metres are made of its boxes. Plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

from .position import Vector3

Distortion = Literal["none", "plumb_bob", "rational", "fisheye"]
Method = Literal["depth", "plane", "size", "stereo"]


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera with lens distortion, in OpenCV's convention: (0, 0) is the centre of the top left pixel.

    Args:
        width, height: px of the pictures that the values belong to.
        fx, fy: focal lengths, px.
        cx, cy: principal point, px.
        distortion: plumb_bob has k1 k2 p1 p2 [k3]; rational k1 k2 p1 p2 k3 k4 k5 k6; fisheye (equidistant) k1 k2 k3 k4.
        coefficients: in that order.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Distortion = "none"
    coefficients: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """A pose as settings state it: a translation in metres and a unit quaternion x, y, z, w."""

    translation_m: Vector3 = (0.0, 0.0, 0.0)
    quaternion_xyzw: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class PoseOptions:
    """How poses of a moving camera are kept and used.

    Args:
        keep_s: for how long they are kept.
        max_gap_ms: two neighbouring poses that are further apart are not interpolated.
        max_extrapolation_ms: how far beyond the newest pose a capture time may lie.
        wait_ms: how long a message waits for poses that are on their way.
    """

    keep_s: float = 5.0
    max_gap_ms: float = 100.0
    max_extrapolation_ms: float = 0.0
    wait_ms: float = 100.0


@dataclass(frozen=True, slots=True)
class DepthOptions:
    """How a source's depth pictures are used.

    Args:
        min_m, max_m: the range of distances that the depth camera measures.
        max_skew_ms: how far the capture times of a frame and of a depth picture that is sent alone may be apart.
        min_valid_share: the share of valid depth pixels in a box below which there is no position.
        camera: the depth camera, where the depth picture is not registered to the colour picture.
        colour_from_depth: where the depth camera lies in the colour camera's frame.
    """

    min_m: float = 0.1
    max_m: float = 10.0
    max_skew_ms: float = 20.0
    min_valid_share: float = 0.2
    camera: Intrinsics | None = None
    colour_from_depth: Placement = Placement()


@dataclass(frozen=True, slots=True)
class SupportPlane:
    """The support plane in the frame of the positions: the points p with normal . p = offset_m.

    Args:
        normal: of length 1, away from the support.
        offset_m: of the plane from the frame's origin, along the normal.
    """

    normal: Vector3 = (0.0, 0.0, 1.0)
    offset_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """The known size of what a phrase names; None where it is not known."""

    width_m: float | None = None
    height_m: float | None = None


@dataclass(frozen=True, slots=True)
class StereoOptions:
    """The other camera of the node that sees the same tracks.

    Args:
        source: its source's name; it has geometry in the same frame.
        max_skew_ms: how far the capture times of the two may be apart.
    """

    source: str
    max_skew_ms: float = 20.0


@dataclass(frozen=True, slots=True)
class PositionNoise:
    """Standard deviations of what is measured and calibrated.

    Args:
        box_px: an edge of a box.
        focal_share: the focal lengths, relative.
        principal_px: the principal point.
        pose_m, pose_rad: a pose of the camera, or of the flange that carries it.
        mount_m, mount_rad: `base_from_camera` or `flange_from_camera`, as calibrated.
        time_ms: capture time against the poses' time, where one clock stamps both.
        depth_m, depth_per_m2, depth_from_m: a depth pixel at z: depth_m + depth_per_m2 * (z - depth_from_m)^2.
        depth_bias: the depth camera's scale, relative.
        plane_m: the height of the support plane.
        size_share: a known size, relative.
        acceleration_m_s2: how fast a thing's velocity changes.
    """

    box_px: float = 2.0
    focal_share: float = 0.002
    principal_px: float = 1.0
    pose_m: float = 0.001
    pose_rad: float = 0.001
    mount_m: float = 0.001
    mount_rad: float = 0.002
    time_ms: float = 2.0
    depth_m: float = 0.0015
    depth_per_m2: float = 0.002
    depth_from_m: float = 0.4
    depth_bias: float = 0.002
    plane_m: float = 0.002
    size_share: float = 0.05
    acceleration_m_s2: float = 2.0


@dataclass(frozen=True, slots=True)
class GeometryOptions:
    """A source's camera and its place: with it every track gets a position, or the reason why it has none.

    Args:
        camera: the calibrated camera.
        frame: the coordinate frame of the positions, such as the robot's base.
        base_from_camera: the place of a camera that does not move.
        flange_from_camera: the place of a camera on a robot's flange, whose poses arrive while the node runs.
        poses, depth, plane, sizes, stereo, noise: as their classes say; None is not used.
        max_sigma_m: a position that is less certain is refused.
        coast_s: for how long a position is predicted after it was last measured.
        sensors: `push:` and an address, where programs send poses and depth pictures for a source that is not pushed.
    """

    camera: Intrinsics
    frame: str = "base"
    base_from_camera: Placement | None = None
    flange_from_camera: Placement | None = None
    poses: PoseOptions = field(default_factory=PoseOptions)
    depth: DepthOptions | None = None
    plane: SupportPlane | None = None
    sizes: tuple[tuple[str, Size], ...] = ()
    stereo: StereoOptions | None = None
    noise: PositionNoise = field(default_factory=PositionNoise)
    max_sigma_m: float = 0.2
    coast_s: float = 1.0
    sensors: str | None = None


def geometry_map(options: GeometryOptions) -> dict[str, Any]:
    """The options with the keys of a settings file; what is not set is absent."""
    values = cast("dict[str, Any]", _plain(asdict(options)))
    values["sizes"] = {phrase: _plain(asdict(size)) for phrase, size in options.sizes}
    return values


def _plain(value: object) -> object:
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {key: _plain(item) for key, item in items if item is not None}
    return [_plain(item) for item in cast("tuple[object, ...]", value)] if isinstance(value, tuple) else value
