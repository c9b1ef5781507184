"""The camera model: rays and pixels belong together, at any size and in any part of the picture."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from groundcast.stream.geometry.camera_model import CameraModel, CameraModelError
from groundcast.stream.geometry_options import Intrinsics

PINHOLE = Intrinsics(640, 480, 600.0, 605.0, 322.0, 238.0)
LENSES = [
    PINHOLE,
    replace(PINHOLE, distortion="plumb_bob", coefficients=(-0.3, 0.12, 0.001, -0.002, -0.02)),
    replace(PINHOLE, distortion="rational", coefficients=(0.4, 0.1, 0.001, -0.001, 0.02, 0.5, 0.2, 0.01)),
    replace(PINHOLE, distortion="fisheye", coefficients=(0.02, -0.01, 0.003, -0.001)),
]
PIXELS = np.array([(0.0, 0.0), (639.0, 479.0), (322.0, 238.0), (100.5, 400.25)])


@pytest.mark.parametrize("lens", LENSES, ids=lambda lens: lens.distortion)
def test_a_rays_point_is_seen_at_its_pixel(lens: Intrinsics) -> None:
    model = CameraModel(lens)
    rays = model.rays(PIXELS)
    np.testing.assert_allclose(model.project(rays * 0.7), PIXELS, atol=1e-3)
    assert (rays[:, 2] == 1.0).all()


def test_projection_is_opencvs() -> None:
    points = np.array([(0.1, -0.2, 0.9), (0.3, 0.1, 1.4)])
    for lens in LENSES[1:3]:
        expected, _ = cv2.projectPoints(
            points, np.zeros(3), np.zeros(3), CameraModel(lens).matrix, np.array(lens.coefficients)
        )
        np.testing.assert_allclose(CameraModel(lens).project(points), expected.reshape(-1, 2), atol=1e-9)
    fisheye = CameraModel(LENSES[3])
    expected, _ = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), fisheye.matrix, np.array(LENSES[3].coefficients)
    )
    np.testing.assert_allclose(fisheye.project(points), expected.reshape(-1, 2), atol=1e-9)


def test_a_point_behind_the_camera_has_no_pixel() -> None:
    assert np.isnan(CameraModel(PINHOLE).project(np.array([(0.0, 0.0, -1.0), (0.0, 0.0, 0.0)]))).all()


def test_a_pixel_that_the_lens_cannot_see_has_no_ray() -> None:
    strong = replace(PINHOLE, distortion="plumb_bob", coefficients=(-0.6, 0.0, 0.0, 0.0))
    rays = CameraModel(strong).rays(np.array([(5000.0, 5000.0), (320.0, 240.0)]))
    assert np.isnan(rays[0, :2]).all()
    assert np.isfinite(rays[1]).all()


@pytest.mark.parametrize("lens", LENSES, ids=lambda lens: lens.distortion)
def test_a_scaled_or_cropped_picture_has_the_same_rays(lens: Intrinsics) -> None:
    model = CameraModel(lens)
    half = model.scaled_to(320, 240)
    edges = np.array([(100.0, 60.0), (600.0, 420.0)])  # of boxes, which are 0.5 px off OpenCV's pixels
    np.testing.assert_allclose(half.rays(edges / 2 - 0.5), model.rays(edges - 0.5), atol=1e-6)
    part = model.cropped(40, 20, 620, 440)
    np.testing.assert_allclose(part.rays(edges - np.array([40.0, 20.0])), model.rays(edges), atol=1e-9)
    assert part.size == (580, 420)


def test_another_aspect_ratio_is_no_scaling() -> None:
    with pytest.raises(CameraModelError, match=r"640x480.*1280x720.*aspect"):
        CameraModel(PINHOLE).scaled_to(1280, 720)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fx": 0.0}, "focal"),
        ({"fy": float("nan")}, "focal"),
        ({"cx": float("inf")}, "principal"),
        ({"width": 0}, "size"),
        ({"coefficients": (0.1,)}, "coefficients"),
        ({"distortion": "fisheye", "coefficients": (0.1, 0.0, float("nan"), 0.0)}, "finite"),
    ],
)
def test_what_no_camera_has_is_refused_in_a_sentence(change: dict[str, object], reason: str) -> None:
    with pytest.raises(CameraModelError, match=reason):
        CameraModel(replace(PINHOLE, **change))  # type: ignore[arg-type]
