"""Settings block: a calibration as the YAML of a source's `geometry` section, written and read again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from ...stream.geometry.camera_model import CameraModel, CameraModelError
from ...stream.geometry.rigid_transform import RigidTransform, TransformError
from ...stream.geometry_options import Intrinsics, Placement, SupportPlane
from ..exits import InputError, writing
from ..settings.yaml_file import YamlError, read_yaml

_DISTORTIONS = ("none", "plumb_bob", "rational", "fisheye")


@dataclass(frozen=True, slots=True)
class CalibrationBlock:
    """What is calibrated so far; each command adds its part.

    Args:
        camera: the camera's intrinsics.
        frame: the robot's coordinate frame.
        base_from_camera: of a camera that does not move.
        flange_from_camera: of a camera on the flange.
        plane: the support plane in the robot's frame.
        noise: one sigma of each part, by the name of the setting.
    """

    camera: Intrinsics
    frame: str = "base"
    base_from_camera: RigidTransform | None = None
    flange_from_camera: RigidTransform | None = None
    plane: SupportPlane | None = None
    noise: tuple[tuple[str, float], ...] = ()

    def with_noise(self, **sigmas: float) -> CalibrationBlock:
        """The same with these standard deviations set."""
        return replace(self, noise=tuple({**dict(self.noise), **sigmas}.items()))

    def as_yaml(self) -> str:
        """The block to paste below a source's name and URL."""
        camera = self.camera
        lines = ["geometry:", f"  frame: {self.frame}", "  camera:", f"    width: {camera.width}"]
        lines += [f"    height: {camera.height}"]
        lines += [f"    {name}: {getattr(camera, name):.4f}" for name in ("fx", "fy", "cx", "cy")]
        lines += [f"    distortion: {camera.distortion}"]
        if camera.coefficients:
            lines += [f"    coefficients: [{', '.join(f'{value:.8g}' for value in camera.coefficients)}]"]
        for name in ("base_from_camera", "flange_from_camera"):
            pose: RigidTransform | None = getattr(self, name)
            if pose is not None:
                lines += [f"  {name}:", f"    translation_m: {_list(pose.translation_m.tolist(), 6)}"]
                lines += [f"    quaternion_xyzw: {_list(pose.quaternion_xyzw.tolist(), 8)}"]
        if self.plane is not None:
            lines += ["  plane:", f"    normal: {_list(self.plane.normal, 8)}"]
            lines += [f"    offset_m: {self.plane.offset_m:.6f}"]
        if self.noise:
            lines += ["  noise:", *(f"    {name}: {value:.3g}" for name, value in self.noise)]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write the block into a file.

        Raises:
            InputError: it cannot be written.
        """
        with writing(path):
            path.write_text(self.as_yaml())


def read_block(path: Path) -> CalibrationBlock:
    """A block that a calibration wrote, or the `geometry` section of a file.

    Raises:
        InputError: the file cannot be read, or a value in it is none; the text says which.
    """
    try:
        loaded, _ = read_yaml(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name another file") from error
    except YamlError as error:
        place = f", line {error.line}" if error.line else ""
        raise InputError(f"{path}{place}: {error}") from error
    section = _map(loaded, path, "the file").get("geometry")
    values = _map(section, path, "`geometry`")
    known = {one.name for one in fields(CalibrationBlock)}
    try:
        noise = _map(values.get("noise", {}), path, "`noise`")
        return CalibrationBlock(
            camera=_camera(_map(values.get("camera"), path, "`camera`")),
            frame=str(values.get("frame", "base")),
            base_from_camera=_pose(values.get("base_from_camera")),
            flange_from_camera=_pose(values.get("flange_from_camera")),
            plane=_plane(values.get("plane")),
            noise=tuple((name, _number(value)) for name, value in noise.items() if name in _NOISES),
        )
    except (CameraModelError, TransformError, TypeError, ValueError, KeyError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}: {said} (known are {', '.join(sorted(known))})") from error


_NOISES = ("focal_share", "principal_px", "mount_m", "mount_rad", "plane_m")


def _camera(values: Mapping[str, Any]) -> Intrinsics:
    distortion = values.get("distortion", "none")
    if distortion not in _DISTORTIONS:
        raise ValueError(f"`distortion` must be one of {', '.join(_DISTORTIONS)}")
    intrinsics = Intrinsics(
        int(_number(values["width"])),
        int(_number(values["height"])),
        *(_number(values[name]) for name in ("fx", "fy", "cx", "cy")),
        distortion=distortion,
        coefficients=tuple(_number(value) for value in values.get("coefficients", ())),
    )
    return CameraModel(intrinsics).intrinsics


def _pose(values: object) -> RigidTransform | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise TransformError("a pose must have `translation_m` and `quaternion_xyzw`")
    pose = cast("dict[str, object]", values)
    if "matrix" in pose:
        return RigidTransform.from_matrix(pose["matrix"])
    placement = Placement()
    return RigidTransform.from_quaternion(
        pose.get("translation_m", placement.translation_m), pose.get("quaternion_xyzw", placement.quaternion_xyzw)
    )


def _plane(values: object) -> SupportPlane | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise ValueError("`plane` must have `normal` and `offset_m`")
    plane = cast("dict[str, Any]", values)
    x, y, z = (_number(value) for value in plane.get("normal", (0.0, 0.0, 1.0)))
    if abs(math.hypot(x, y, z) - 1.0) > 1e-3:
        raise ValueError("the plane's normal must have the length 1")
    return SupportPlane((x, y, z), _number(plane.get("offset_m", 0.0)))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} is not a finite number")
    return float(value)


def _map(value: object, path: Path, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{path}: {what} must be a map: give the file that `groundcast calibrate intrinsics` wrote")
    return cast("dict[str, Any]", value)


def _list(values: Any, digits: int) -> str:
    return "[" + ", ".join(f"{value:.{digits}f}" for value in values) + "]"
