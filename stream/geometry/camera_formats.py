"""Camera formats: intrinsics from OpenCV's YAML, from ROS's `camera_info`, or from our own map, already parsed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import cast

from ..geometry_options import Distortion, Intrinsics
from .camera_model import CameraModel, CameraModelError

# What calibration tools call the same thing, in lower case.
_MATRIX = ("camera_matrix", "k", "cameramatrix", "camera_intrinsics")
_COEFFICIENTS = ("distortion_coefficients", "d", "distcoeffs", "dist_coeffs")
_WIDTH, _HEIGHT = ("image_width", "width"), ("image_height", "height")
_MODELS: dict[str, Distortion] = {
    "plumb_bob": "plumb_bob",
    "rational_polynomial": "rational",
    "equidistant": "fisheye",
    "fisheye": "fisheye",
    "none": "none",
}
_MAX_ZEROS = 14


def camera_of(values: Mapping[str, object]) -> Intrinsics:
    """The intrinsics in a map with the keys of OpenCV's or ROS's calibration.

    Both have the picture's size, a camera matrix of 3 x 3 numbers (a list, or a map with `data`) and distortion
    coefficients. ROS names the model in `distortion_model`; without that name their count says which it is, and
    OpenCV's sample writes `fisheye_model`.

    Raises:
        CameraModelError: a key is missing, or a value is none that a camera has.
    """
    lower = {str(key).lower(): value for key, value in values.items()}
    matrix = _numbers(_find(lower, _MATRIX), "the camera matrix")
    if len(matrix) != 9:
        raise CameraModelError(f"the camera matrix has {len(matrix)} numbers: it must have 3 rows of 3")
    fx, skew, cx, below, fy, cy, *last = matrix
    if below != 0.0 or last != [0.0, 0.0, 1.0] or abs(skew) > 1e-6:
        raise CameraModelError("the camera matrix must be fx 0 cx / 0 fy cy / 0 0 1: is it transposed?")
    found = _maybe(lower, _COEFFICIENTS)
    coefficients = [] if found is None else _numbers(found, "the distortion coefficients")
    distortion, kept = _distortion(lower, coefficients)
    one = Intrinsics(
        _integer(_find(lower, _WIDTH), "image_width"),
        _integer(_find(lower, _HEIGHT), "image_height"),
        fx,
        fy,
        cx,
        cy,
        distortion,
        tuple(kept),
    )
    return CameraModel(one).intrinsics


def _distortion(values: Mapping[str, object], coefficients: list[float]) -> tuple[Distortion, list[float]]:
    name = values.get("distortion_model")
    if name is not None and not (isinstance(name, str) and name in _MODELS):
        known = ", ".join(_MODELS)
        raise CameraModelError(f"distortion_model is {str(name)[:40]!r}: known ones are {known}")
    is_fisheye = values.get("fisheye_model") not in (None, 0, False) or (name and _MODELS[name] == "fisheye")
    if is_fisheye:
        return "fisheye", coefficients[:4] if not any(coefficients[4:]) else coefficients
    if not any(coefficients):
        return "none", []
    if len(coefficients) > 8 and len(coefficients) <= _MAX_ZEROS and not any(coefficients[8:]):
        coefficients = coefficients[:8]  # OpenCV writes the thin prism's and the tilt's zeros
    if len(coefficients) == 8:
        return ("rational", coefficients) if any(coefficients[5:]) else ("plumb_bob", coefficients[:5])
    if len(coefficients) > 8:
        raise CameraModelError("thin prism and tilt coefficients are not supported: calibrate with 5 or 8 coefficients")
    return "plumb_bob", coefficients


def _find(values: Mapping[str, object], names: Sequence[str]) -> object:
    found = _maybe(values, names)
    if found is None:
        raise CameraModelError(f"the calibration has no `{names[0]}`: is this a camera's calibration?")
    return found


def _maybe(values: Mapping[str, object], names: Sequence[str]) -> object:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _numbers(value: object, what: str) -> list[float]:
    """The numbers of a list, of a list of rows, or of a map with `data`."""
    if isinstance(value, Mapping):
        value = cast("Mapping[str, object]", value).get("data")
    if isinstance(value, (list, tuple)):
        rows = cast("Sequence[object]", value)
        flat = [item for row in rows for item in (cast("Sequence[object]", row) if isinstance(row, list) else [row])]
        numbers = [item for item in flat if isinstance(item, (int, float)) and not isinstance(item, bool)]
        with contextlib.suppress(OverflowError):  # an integer of hundreds of digits
            if len(numbers) == len(flat):
                return [float(number) for number in numbers]
    raise CameraModelError(f"{what} must be a list of numbers, or a map with `data`")


def _integer(value: object, what: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise CameraModelError(f"{what} must be a whole number of pixels")
    return value
