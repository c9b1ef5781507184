"""A camera's file that the settings name: read in each format, or refused with its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from groundcast.launch.settings.settings_file import SettingsError, read_settings
from groundcast.stream.geometry_options import Intrinsics

NODE = """\
prompt: red mug
sources:
  - name: wrist
    url: push:tcp://127.0.0.1:5580
    geometry:
      camera: cameras/wrist.yaml
      base_from_camera: {translation_m: [0, 0, 1]}
      plane: {}
"""
MATRIX = np.array([[600.5, 0.0, 320.25], [0.0, 601.5, 240.75], [0.0, 0.0, 1.0]])
COEFFICIENTS = (-0.31, 0.12, 0.001, -0.002, 0.05)
EXPECTED = Intrinsics(640, 480, 600.5, 601.5, 320.25, 240.75, "plumb_bob", COEFFICIENTS)


def write_opencv(path: Path) -> None:
    """As OpenCV itself writes it."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", 640)
    storage.write("image_height", 480)
    storage.write("camera_matrix", MATRIX)
    storage.write("distortion_coefficients", np.array(COEFFICIENTS))
    storage.release()


def write_ros(path: Path) -> None:
    """As ROS's camera_calibration writes it."""
    path.write_text(
        f"""\
image_width: 640
image_height: 480
camera_name: wrist
camera_matrix:
  rows: 3
  cols: 3
  data: {MATRIX.ravel().tolist()}
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: {list(COEFFICIENTS)}
"""
    )


def write_own(path: Path) -> None:
    own = {"width": 640, "height": 480, "fx": 600.5, "fy": 601.5, "cx": 320.25, "cy": 240.75}
    path.write_text(json.dumps({**own, "distortion": "plumb_bob", "coefficients": COEFFICIENTS}))


@pytest.fixture
def node(tmp_path: Path) -> Path:
    (tmp_path / "cameras").mkdir()
    path = tmp_path / "node.yaml"
    path.write_text(NODE)
    return path


@pytest.mark.parametrize("write", [write_opencv, write_ros, write_own])
def test_a_camera_is_read_from_each_format(node: Path, write: Callable[[Path], None]) -> None:
    write(node.parent / "cameras" / "wrist.yaml")
    (source,) = read_settings(node, {}).to_options().sources
    assert source.geometry is not None
    assert source.geometry.camera == EXPECTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "line 6: .*wrist.yaml cannot be read .*check the path"),
        ("- 1\n", "line 6: .*holds no camera"),
        ("a: [\n", "line 6: .*not YAML"),
        ("image_width: 640\n", "line 6: .*no `camera_matrix`"),
        ("!!python/object:os.system {}\n", "line 6: "),
    ],
)
def test_what_is_no_camera_is_refused_with_its_line(node: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (node.parent / "cameras" / "wrist.yaml").write_text(text)
    with pytest.raises(SettingsError, match=reason):
        read_settings(node, {})
