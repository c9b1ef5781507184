"""Geometry settings: the `geometry` key of a source, and how it is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, Field, model_validator

from ..geometry.camera_formats import camera_of
from ..geometry.camera_model import CameraModel, CameraModelError
from ..geometry.rigid_transform import RigidTransform, TransformError
from ..geometry_options import (
    DepthOptions,
    Distortion,
    GeometryOptions,
    Intrinsics,
    Placement,
    PoseOptions,
    PositionNoise,
    Size,
    StereoOptions,
    SupportPlane,
)
from ..source_url import kind_of
from ..wire.topics import MAX_FRAME_ID_LENGTH, MAX_NAME_LENGTH, NAME_PATTERN
from .section import Section

T = TypeVar("T")
Triple = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0, le=1e4)]
NotNegative = Annotated[float, Field(ge=0, le=1e4)]
Ms = Annotated[float, Field(ge=0, le=10_000)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME_LENGTH)]
_MAX_SIZES = 1000


def _must(make: Callable[[], T]) -> T:
    """What `make` gives, with its error as the end of a sentence that begins with the key."""
    try:
        return make()
    except (CameraModelError, TransformError) as error:
        raise ValueError(f"be one that can be: {error}") from None


class CameraSettings(Section):
    """A calibrated camera, written out; OpenCV's and ROS's own maps are read too."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Distortion = "none"
    coefficients: Annotated[tuple[float, ...], Field(max_length=14)] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_known_format(cls, values: object) -> object:
        if isinstance(values, str):
            raise ValueError("be written out here: files are read only where they are named in a settings file")
        if not isinstance(values, dict) or "fx" in values:
            return cast("object", values)
        one = _must(lambda: camera_of(cast("Mapping[str, Any]", values)))
        return {name: getattr(one, name) for name in cls.model_fields}

    @model_validator(mode="after")
    def _is_a_camera(self) -> CameraSettings:
        _must(lambda: CameraModel(self.to_intrinsics()))
        return self

    def to_intrinsics(self) -> Intrinsics:
        return Intrinsics(**self.model_dump())


class PlacementSettings(Section):
    """A pose: a translation and a quaternion, or a matrix."""

    translation_m: Triple = (0.0, 0.0, 0.0)
    quaternion_xyzw: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    matrix: Annotated[list[list[float]], Field(max_length=4)] | None = None

    @model_validator(mode="after")
    def _is_a_pose(self) -> PlacementSettings:
        if self.matrix is not None and {"translation_m", "quaternion_xyzw"} & self.model_fields_set:
            raise ValueError("be a matrix, or a translation_m and a quaternion_xyzw, and not both")
        _must(self._transform)
        return self

    def _transform(self) -> RigidTransform:
        if self.matrix is not None:
            return RigidTransform.from_matrix(self.matrix)
        return RigidTransform.from_quaternion(self.translation_m, self.quaternion_xyzw)

    def to_placement(self) -> Placement:
        return self._transform().placement


class PoseSettings(Section):
    """How poses of a moving camera are kept and used."""

    keep_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    max_gap_ms: Annotated[float, Field(gt=0, le=10_000)] = 100.0
    max_extrapolation_ms: Annotated[float, Field(ge=0, le=200)] = 0.0
    wait_ms: Annotated[float, Field(ge=0, le=1000)] = 100.0


class DepthSettings(Section):
    """How depth pictures are used."""

    min_m: Positive = 0.1
    max_m: Positive = 10.0
    max_skew_ms: Ms = 20.0
    min_valid_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    camera: CameraSettings | None = None
    colour_from_depth: PlacementSettings = PlacementSettings()

    @model_validator(mode="after")
    def _is_a_range(self) -> DepthSettings:
        if self.min_m >= self.max_m:
            raise ValueError("have a min_m that is less than its max_m")
        return self

    def to_options(self) -> DepthOptions:
        return DepthOptions(
            self.min_m,
            self.max_m,
            self.max_skew_ms,
            self.min_valid_share,
            self.camera.to_intrinsics() if self.camera else None,
            self.colour_from_depth.to_placement(),
        )


def _unit(normal: Triple) -> Triple:
    length = math.sqrt(sum(value * value for value in normal))
    if not 1e-6 < length < 1e6:
        raise ValueError("have a direction: three numbers that are not all 0")
    x, y, z = (value / length for value in normal)
    return x, y, z


def _push_url(url: str) -> str:
    if kind_of(url) != "push":
        raise ValueError("be `push:` and an address, such as push:tcp://127.0.0.1:5581")
    return url


class PlaneSettings(Section):
    """The support plane in the frame of the positions."""

    normal: Annotated[Triple, AfterValidator(_unit)] = (0.0, 0.0, 1.0)
    offset_m: Annotated[float, Field(ge=-1e4, le=1e4)] = 0.0


class SizeSettings(Section):
    """The known size of what a phrase names."""

    width_m: Annotated[float, Field(gt=0, le=100)] | None = None
    height_m: Annotated[float, Field(gt=0, le=100)] | None = None


class StereoSettings(Section):
    """The other camera of the node that sees the same tracks."""

    source: Name
    max_skew_ms: Ms = 20.0


class NoiseSettings(Section):
    """Standard deviations of what is measured and calibrated."""

    box_px: NotNegative = 2.0
    focal_share: NotNegative = 0.002
    principal_px: NotNegative = 1.0
    pose_m: NotNegative = 0.001
    pose_rad: NotNegative = 0.001
    mount_m: NotNegative = 0.001
    mount_rad: NotNegative = 0.002
    time_ms: NotNegative = 2.0
    depth_m: Positive = 0.0015
    depth_per_m2: NotNegative = 0.002
    depth_from_m: NotNegative = 0.4
    depth_bias: NotNegative = 0.002
    plane_m: NotNegative = 0.002
    size_share: NotNegative = 0.05
    acceleration_m_s2: Positive = 2.0


class GeometrySettings(Section):
    """A source's camera and its place."""

    camera: CameraSettings
    frame: Annotated[str, Field(min_length=1, max_length=MAX_FRAME_ID_LENGTH)] = "base"
    base_from_camera: PlacementSettings | None = None
    flange_from_camera: PlacementSettings | None = None
    poses: PoseSettings = PoseSettings()
    depth: DepthSettings | None = None
    plane: PlaneSettings | None = None
    sizes: Annotated[dict[str, SizeSettings], Field(max_length=_MAX_SIZES, default_factory=dict[str, SizeSettings])]
    stereo: StereoSettings | None = None
    noise: NoiseSettings = NoiseSettings()
    max_sigma_m: Positive = 0.2
    coast_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    sensors: Annotated[str, Field(max_length=1000), AfterValidator(_push_url)] | None = None

    @model_validator(mode="after")
    def _is_placed(self) -> GeometrySettings:
        if (self.base_from_camera is None) == (self.flange_from_camera is None):
            raise ValueError(
                "have base_from_camera for a camera that does not move, or flange_from_camera for one on a robot's"
                " flange, and not both"
            )
        if not (self.depth or self.plane or self.sizes or self.stereo):
            raise ValueError("have a way to find positions: `depth: {}`, `plane: {}`, `sizes` or `stereo`")
        return self

    def to_options(self) -> GeometryOptions:
        """The options for the node."""
        return GeometryOptions(
            camera=self.camera.to_intrinsics(),
            frame=self.frame,
            base_from_camera=self.base_from_camera.to_placement() if self.base_from_camera else None,
            flange_from_camera=self.flange_from_camera.to_placement() if self.flange_from_camera else None,
            poses=PoseOptions(**self.poses.model_dump()),
            depth=self.depth.to_options() if self.depth else None,
            plane=SupportPlane(**self.plane.model_dump()) if self.plane else None,
            sizes=tuple((phrase, Size(**size.model_dump())) for phrase, size in self.sizes.items()),
            stereo=StereoOptions(**self.stereo.model_dump()) if self.stereo else None,
            noise=PositionNoise(**self.noise.model_dump()),
            max_sigma_m=self.max_sigma_m,
            coast_s=self.coast_s,
            sensors=self.sensors,
        )
