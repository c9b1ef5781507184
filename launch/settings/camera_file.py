"""Camera files: a camera's calibration that a settings file names becomes the values in that file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from .settings import is_map
from .yaml_file import MAX_BYTES, Place, YamlError, read_yaml_bytes

_OPENCV_DIRECTIVE = b"%YAML:1.0"
_OPENCV_TAG = b"!!opencv-matrix"


class CameraFileError(ValueError):
    """A camera's file cannot be used; the text says which and why, `place` where the settings name it."""

    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place = place


def with_camera_files(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings, not yet validated, in which `geometry.camera` and `geometry.depth.camera` are maps.

    A text there names a file in OpenCV's YAML, ROS's `camera_info` YAML or JSON; relative to `folder`.

    Raises:
        CameraFileError: it cannot be read, or holds no map.
    """
    changed = dict(values)
    if is_map(values.get("defaults")):
        changed["defaults"] = _in_source(values["defaults"], folder, ("defaults",))
    if isinstance(values.get("sources"), list):
        sources = cast("list[object]", values["sources"])
        changed["sources"] = [_in_source(one, folder, ("sources", row)) for row, one in enumerate(sources)]
    return changed


def read_camera_file(path: Path) -> dict[str, Any]:
    """The map in a camera's file.

    Raises:
        ValueError: it cannot be read, or holds no map; the end of a sentence that begins with the file's name.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}): check the path of the camera's file") from error
    if data.startswith(_OPENCV_DIRECTIVE):  # neither the directive nor the tag is YAML
        data = data[len(_OPENCV_DIRECTIVE) :].replace(_OPENCV_TAG, b"")
    try:
        values, _ = read_yaml_bytes(data)
    except YamlError as error:
        raise ValueError(f"{f'line {error.line}: ' if error.line else ''}{error}") from error
    if not is_map(values):
        raise ValueError("holds no camera: give a calibration in OpenCV's YAML, ROS's camera_info YAML, or JSON")
    return values


def _in_source(source: object, folder: Path, place: Place) -> Any:
    if not is_map(source) or not is_map(source.get("geometry")):
        return source
    geometry = _with_camera(source["geometry"], folder, (*place, "geometry"))
    if is_map(geometry.get("depth")):
        geometry["depth"] = _with_camera(geometry["depth"], folder, (*place, "geometry", "depth"))
    return {**source, "geometry": geometry}


def _with_camera(section: dict[str, Any], folder: Path, place: Place) -> dict[str, Any]:
    name = section.get("camera")
    if not isinstance(name, str):
        return dict(section)
    path = folder / name
    try:
        return {**section, "camera": read_camera_file(path)}
    except ValueError as error:
        raise CameraFileError((*place, "camera"), f"{path} {error}") from error
