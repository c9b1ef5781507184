"""The wrist camera's pictures agree with its calibration, and its depth has the stated noise."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pytest

pytest.importorskip("mujoco")

from groundcast.launch.arm.cell import build_cell
from groundcast.launch.arm.robot import Robot
from groundcast.launch.arm.wrist_camera import CellRenderer, flange_from_camera, wrist_intrinsics
from groundcast.model.tabletop.renderer import RendererError
from groundcast.stream.geometry.camera_model import CameraModel


@pytest.fixture(scope="module")
def cell_view() -> Generator[tuple[Robot, CellRenderer]]:
    robot = Robot(build_cell(1), 1.0)
    try:
        renderer = CellRenderer(robot.cell)
    except RendererError as error:
        pytest.skip(str(error))
    yield robot, renderer
    renderer.close()


def test_a_pixel_and_its_depth_give_the_table_in_the_base_frame(cell_view: tuple[Robot, CellRenderer]) -> None:
    robot, renderer = cell_view
    _, distance = renderer.take(robot.data)
    base_from_camera = robot.base_from_flange @ flange_from_camera(robot.cell)
    pixels = np.array([[30.0, 440.0], [600.0, 430.0], [200.0, 450.0]])

    depths = np.array([distance[int(y), int(x)] for x, y in pixels])
    points = base_from_camera.apply(CameraModel(wrist_intrinsics()).rays(pixels) * depths[:, None])

    assert np.abs(points[:, 2]).max() < 0.003


def test_a_thing_is_seen_where_it_is(cell_view: tuple[Robot, CellRenderer]) -> None:
    robot, renderer = cell_view
    image, _ = renderer.take(robot.data)
    target = robot.cell.objects[0]  # a red mug
    middle = robot.place_of(target.name) + np.array([0.0, 0.0, target.height_m / 2])
    camera_from_base = (robot.base_from_flange @ flange_from_camera(robot.cell)).inverse()

    ((x, y),) = CameraModel(wrist_intrinsics()).project(camera_from_base.apply(middle[None])).tolist()

    red, green, blue = image[round(y), round(x)].astype(int).tolist()
    assert target.phrase == "red mug"
    assert red > 2 * max(green, blue)


def test_depth_has_noise_holes_and_steps_of_a_millimetre(cell_view: tuple[Robot, CellRenderer]) -> None:
    _, renderer = cell_view
    exact = np.full((480, 640), 0.9, np.float32)

    measured = renderer.measure(exact)

    valid = measured[measured > 0]
    assert measured.dtype == np.uint16
    assert np.mean(measured == 0) == pytest.approx(0.03, abs=0.003)
    assert np.mean(valid) == pytest.approx(900, abs=0.1)
    assert np.std(valid) == pytest.approx(1000 * (0.0012 + 0.0019 * 0.25), rel=0.05)
