"""The `geometry` of a source: what it becomes, and what is refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from groundcast.stream.control.geometry_settings import GeometrySettings
from groundcast.stream.control.source_settings import first_error, requirement
from groundcast.stream.geometry_options import Intrinsics, Placement, Size, geometry_map

CAMERA = {"width": 640, "height": 480, "fx": 600, "fy": 600, "cx": 319.5, "cy": 239.5}
GOOD: dict[str, Any] = {"camera": CAMERA, "base_from_camera": {"translation_m": [0, 0, 1]}, "plane": {}}


def complaint(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        GeometrySettings.model_validate({key: value for key, value in {**GOOD, **changes}.items() if value != "absent"})
    place, detail = first_error(caught.value)
    return f"{'.'.join(map(str, place))} must {requirement(detail)}"


def test_settings_become_options_and_back() -> None:
    options = GeometrySettings.model_validate(
        {
            **GOOD,
            "frame": "table",
            "depth": {"max_m": 3},
            "sensors": "push:tcp://127.0.0.1:5581",
            "sizes": {"red mug": {"height_m": 0.1}},
        }
    ).to_options()
    assert options.camera == Intrinsics(640, 480, 600, 600, 319.5, 239.5)
    assert options.base_from_camera == Placement((0, 0, 1))
    assert options.depth is not None
    assert options.depth.max_m == 3
    assert options.sizes == (("red mug", Size(None, 0.1)),)
    assert GeometrySettings.model_validate(geometry_map(options)).to_options() == options


def test_a_matrix_is_a_pose_too() -> None:
    matrix = [[1, 0, 0, 0.5], [0, -1, 0, 0], [0, 0, -1, 1.2], [0, 0, 0, 1]]
    options = GeometrySettings.model_validate({**GOOD, "base_from_camera": {"matrix": matrix}}).to_options()
    assert options.base_from_camera == Placement((0.5, 0, 1.2), (1, 0, 0, 0))


def test_a_map_of_ros_is_a_camera() -> None:
    ros = {"image_width": 640, "image_height": 480, "camera_matrix": {"data": [600, 0, 319.5, 0, 600, 239.5, 0, 0, 1]}}
    assert GeometrySettings.model_validate({**GOOD, "camera": ros}).to_options().camera.fy == 600


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"camera": {**CAMERA, "fx": 0}}, "focal lengths are 0"),
        ({"camera": {**CAMERA, "width": 0}}, "0 x 480 px"),
        ({"camera": "wrist.yaml"}, "written out here"),
        ({"base_from_camera": {"matrix": [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}}, "no rotation"),
        ({"base_from_camera": {"quaternion_xyzw": [0, 0, 0, 2]}}, "length 1"),
        ({"base_from_camera": {"translation_m": [0, 0, 1], "matrix": [[1]]}}, "not both"),
        ({"base_from_camera": "absent"}, "base_from_camera .* or flange_from_camera"),
        ({"flange_from_camera": {}}, "not both"),
        ({"plane": "absent"}, "a way to find positions"),
        ({"sensors": "rtsp://127.0.0.1/depth"}, "`push:` and an address"),
        ({"plane": {"normal": [0, 0, 0]}}, "direction"),
        ({"depth": {"min_m": 3, "max_m": 2}}, "min_m"),
        ({"noise": {"depth_m": float("nan")}}, "finite"),
        ({"poses": {"max_extrapolation_ms": 5000}}, "less than or equal to 200"),
        ({"planes": {}}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], text: str) -> None:
    import re

    assert re.search(text, complaint(**changes)), complaint(**changes)
