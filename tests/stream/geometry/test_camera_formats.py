"""Cameras as OpenCV and ROS write them."""

from __future__ import annotations

from typing import Any

import pytest

from groundcast.stream.geometry.camera_formats import camera_of
from groundcast.stream.geometry.camera_model import CameraModelError

MATRIX = [600.0, 0.0, 322.0, 0.0, 605.0, 238.0, 0.0, 0.0, 1.0]
ROS: dict[str, Any] = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "wrist",
    "camera_matrix": {"rows": 3, "cols": 3, "data": MATRIX},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [-0.3, 0.1, 0.001, -0.002, 0.0]},
}


def test_ros_camera_info_is_read() -> None:
    one = camera_of(ROS)
    assert (one.width, one.height, one.fx, one.fy, one.cx, one.cy) == (640, 480, 600.0, 605.0, 322.0, 238.0)
    assert (one.distortion, one.coefficients) == ("plumb_bob", (-0.3, 0.1, 0.001, -0.002, 0.0))


@pytest.mark.parametrize(
    ("name", "coefficients", "distortion", "kept"),
    [
        ("equidistant", [0.02, -0.01, 0.0, 0.001], "fisheye", 4),
        ("rational_polynomial", [0.1, 0.2, 0.0, 0.0, 0.3, 0.4, 0.5, 0.6], "rational", 8),
        ("plumb_bob", [0.0] * 5, "none", 0),
        (None, [0.1, 0.2, 0.0, 0.0], "plumb_bob", 4),
        (None, [0.1, 0.2, 0.0, 0.0, 0.3, 0.4, 0.5, 0.6, 0.0, 0.0, 0.0, 0.0], "rational", 8),
    ],
)
def test_each_distortion_model_is_known(name: str, coefficients: list[float], distortion: str, kept: int) -> None:
    one = camera_of({**ROS, "distortion_model": name, "distortion_coefficients": coefficients})
    assert (one.distortion, len(one.coefficients)) == (distortion, kept)


def test_opencvs_older_names_and_rows_are_read() -> None:
    rows = [MATRIX[:3], MATRIX[3:6], MATRIX[6:]]
    old = {"image_Width": 640, "image_Height": 480, "Camera_Matrix": rows, "Distortion_Coefficients": [0.0] * 5}
    assert camera_of(old).fx == 600.0
    assert (
        camera_of({**old, "fisheye_model": 1, "Distortion_Coefficients": [0.1, 0.0, 0.0, 0.0]}).distortion == "fisheye"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"camera_matrix": None}, "no `camera_matrix`"),
        ({"camera_matrix": MATRIX[:8]}, "8 numbers"),
        ({"camera_matrix": [600.0, 0, 0, 0, 605.0, 0, 322.0, 238.0, 1.0]}, "transposed"),
        ({"camera_matrix": {"data": "none"}}, "list of numbers"),
        ({"camera_matrix": [0.0, 0.0, 322.0, *MATRIX[3:]]}, "focal"),
        ({"distortion_model": "double_sphere"}, "double_sphere.*known ones"),
        ({"distortion_coefficients": [0.1, 0.2, 0.0]}, "coefficients"),
        ({"distortion_coefficients": [0.1] * 12}, "thin prism"),
        ({"image_width": 640.5}, "whole number"),
        ({"image_height": None}, "image_height"),
        ({"image_height": float("inf")}, "whole number"),
        ({"image_height": float("nan")}, "whole number"),
        ({"camera_matrix": [10**400, *MATRIX[1:]]}, "list of numbers"),
        ({"distortion_model": ["plumb_bob"]}, "plumb_bob.*known ones"),
    ],
)
def test_what_is_no_calibration_is_refused_in_a_sentence(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(CameraModelError, match=reason):
        camera_of({**ROS, **change})
