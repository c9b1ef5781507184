"""The surface of the thing in a box: not the table, not what is behind it, not what stands in front."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.stream.geometry.camera_model import CameraModel
from groundcast.stream.geometry.depth_grid import DepthGrid
from groundcast.stream.geometry.object_surface import Box, DepthNoise, ObjectSurface, find_surface
from groundcast.stream.geometry_options import Intrinsics

CAMERA = CameraModel(Intrinsics(320, 240, 300.0, 300.0, 159.5, 119.5))
NOISE = DepthNoise(0.0012, 0.0019, 0.4)
SLOPE = 0.6  # of the table, which lies 0.9 m away in the middle of the picture
PLANE = np.array([0.0, SLOPE, 1.0]) / 0.9


def grid(depth_m: NDArray[np.float64], seed: int = 0) -> DepthGrid:
    """With the noise, the holes and the steps of a depth camera."""
    rng = np.random.default_rng(seed)
    noisy = np.round((depth_m + rng.normal(0, 0.0018, depth_m.shape)) * 1000)
    noisy[rng.random(depth_m.shape) < 0.03] = 0
    return DepthGrid(noisy.astype(np.uint16), 0.001, rays(), (1.0, 1.0), 0.1, 5.0)


def rays() -> NDArray[np.float32]:
    v, u = np.mgrid[0:240, 0:320]
    return CAMERA.rays(np.column_stack([u.ravel(), v.ravel()]).astype(float))[:, :2].reshape(240, 320, 2).astype("f4")


def table(things: Iterable[tuple[Box, float]]) -> NDArray[np.float64]:
    """A slanted table with upright boxes, each at a distance; the last ones are in front."""
    depth = 0.9 / (1.0 + SLOPE * rays()[..., 1].astype(float))
    for (left, top, right, bottom), z in things:
        depth[int(top) : int(bottom), int(left) : int(right)] = z
    return depth


def middle(box: Box, z: float) -> NDArray[np.float64]:
    pixel = np.array([[(box[0] + box[2]) / 2 - 0.5, (box[1] + box[3]) / 2 - 0.5]])
    return CAMERA.rays(pixel)[0] * z


@pytest.mark.parametrize("plane", [PLANE, None], ids=["known plane", "plane found"])
def test_the_thing_on_a_table_is_found_and_not_the_table(plane: NDArray[np.float64] | None) -> None:
    box = (140.0, 90.0, 190.0, 150.0)
    found = find_surface(grid(table([(box, 0.75)])), (138.0, 88.5, 192.0, 152.0), NOISE, plane)
    assert isinstance(found, ObjectSurface)
    np.testing.assert_allclose(found.mean_m, middle(box, 0.75), atol=0.003)
    assert found.valid_share == pytest.approx(0.97, abs=0.02)


def test_what_is_far_behind_the_thing_is_never_taken_for_it() -> None:
    box = (140.0, 60.0, 160.0, 150.0)  # narrow, in a box that is half wall
    depth = np.full((240, 320), 3.0)
    depth[120:] = table([])[120:]
    depth[60:150, 140:160] = 0.75
    found = find_surface(grid(depth), (130.0, 58.0, 170.0, 151.0), NOISE, PLANE)
    assert isinstance(found, ObjectSurface)
    np.testing.assert_allclose(found.mean_m, middle(box, 0.75), atol=0.006)


def test_a_thing_in_front_of_it_is_not_taken_for_it() -> None:
    box, front = (120.0, 80.0, 200.0, 150.0), (100.0, 120.0, 150.0, 180.0)
    found = find_surface(grid(table([(box, 0.78), (front, 0.66)])), box, NOISE, PLANE)
    assert isinstance(found, ObjectSurface)
    assert found.mean_m[2] == pytest.approx(0.78, abs=0.005)


def test_holes_and_reflections_leave_the_rest() -> None:
    box = (140.0, 90.0, 190.0, 150.0)
    depth = table([(box, 0.75)])
    depth[100:125, 150:180] = 0.0
    depth[130:140, 150:160] = 1.6  # a mirror image
    found = find_surface(grid(depth), box, NOISE, PLANE)
    assert isinstance(found, ObjectSurface)
    assert found.mean_m[2] == pytest.approx(0.75, abs=0.003)
    assert found.valid_share < 0.8


def test_a_mask_decides_where_there_is_one() -> None:
    box = (140.0, 90.0, 190.0, 150.0)
    depth = table([(box, 0.75)])
    mask = np.zeros((240, 320), np.bool_)
    mask[90:150, 140:165] = True
    mask[90:150, 138:140] = True  # two columns of flying pixels
    found = find_surface(grid(depth), box, NOISE, None, mask)
    assert isinstance(found, ObjectSurface)
    np.testing.assert_allclose(found.mean_m, middle((140, 90, 165, 150), 0.75), atol=0.003)


@pytest.mark.parametrize("box", [(10.0, 10.0, 60.0, 60.0), (-50.0, -50.0, -10.0, -10.0), (100.0, 100.0, 100.5, 100.5)])
def test_without_valid_depth_there_is_no_surface(box: Box) -> None:
    empty = DepthGrid(np.zeros((240, 320), np.uint16), 0.001, rays(), (1.0, 1.0), 0.1, 5.0)
    assert not isinstance(find_surface(empty, box, NOISE, PLANE), ObjectSurface)


def test_a_depth_picture_of_half_the_size_gives_the_same() -> None:
    box = (140.0, 90.0, 190.0, 150.0)
    whole = grid(table([(box, 0.75)]))
    half = DepthGrid(whole.values[::2, ::2], 0.001, rays()[::2, ::2], (0.5, 0.5), 0.1, 5.0)
    found = find_surface(half, box, NOISE, PLANE)
    assert isinstance(found, ObjectSurface)
    np.testing.assert_allclose(found.mean_m, middle(box, 0.75), atol=0.006)


def test_a_mask_finds_what_another_thing_covers_in_part_more_exactly() -> None:
    box, front = (120.0, 80.0, 200.0, 150.0), (60.0, 60.0, 158.0, 175.0)  # as near as its own depth reaches
    scene = table([(box, 0.78), (front, 0.775)])
    mask = np.zeros((240, 320), np.bool_)
    mask[80:150, 158:200] = True
    mask[150:154, 158:200] = True  # masks reach over their rim: here onto the table
    truth = middle((158.0, 80.0, 200.0, 150.0), 0.78)
    errors_m: list[list[float]] = [[], []]
    for seed in range(5):
        for errors, one in zip(errors_m, (None, mask), strict=True):
            found = find_surface(grid(scene, seed), box, NOISE, PLANE, one)
            errors.append(float(np.linalg.norm(found.mean_m - truth)) if isinstance(found, ObjectSurface) else 1.0)
    assert max(errors_m[1]) < 0.004
    assert min(errors_m[0]) > 3 * max(errors_m[1])
