"""Rendered scenes for the positions benchmark: pictures, exact depth, and where each thing truly is."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.detections import Detections
from ...stream.geometry.rigid_transform import RigidTransform

Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]
_MIN_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PositionScene:
    """One scene.

    Args:
        image: (480, 640, 3) RGB.
        depth_m: (480, 640) exact.
        focal_px: of the camera, whose principal point is the picture's middle.
        table_from_camera: the camera's true pose.
        things: what is at least in part visible.
    """

    image: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    focal_px: float
    table_from_camera: RigidTransform
    things: tuple[SceneThing, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SceneThing:
    """One thing in a scene.

    Args:
        phrase: its colour and kind.
        box: around its visible pixels.
        visible: the share of it that is visible.
        surface_m: (3,) the mean of its visible surface, one share a pixel.
        foot_m: (3,) the point of the table below its middle.
        height_m: as it stands or lies.
    """

    phrase: str
    box: Box
    visible: float
    surface_m: Floats
    foot_m: Floats
    height_m: float


def render_scenes(first_seed: int, count: int) -> Iterator[PositionScene]:
    """Render scenes in a process of its own: OSMesa and torch do not share one."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        yield from pool.map(render_scene, range(first_seed, first_seed + count))


def render_scene(seed: int) -> PositionScene:
    """The scene of a seed."""
    from ...model.tabletop.renderer import draw_with_depth
    from ...model.tabletop.scenes import SceneOptions, draw_scene

    scene = draw_scene(seed, SceneOptions())
    rendering, depth_m = draw_with_depth(scene)
    camera, (height, width) = scene.camera, depth_m.shape
    focal_px = height / 2 / math.tan(camera.fovy_rad / 2)
    table_from_camera = RigidTransform(camera.camera_from_table.T, camera.position)
    v, u = np.mgrid[0:height, 0:width]
    z = depth_m.astype(np.float64)
    points = np.stack([(u - (width - 1) / 2) / focal_px * z, (v - (height - 1) / 2) / focal_px * z, z], -1)
    points = table_from_camera.apply(points.reshape(-1, 3)).reshape(height, width, 3)
    things: list[SceneThing] = []
    for row, box, visible in zip(rendering.rows, rendering.boxes_xyxy.tolist(), rendering.visible, strict=True):
        thing = scene.things[int(row)]
        if thing.pair is not None:
            surface = points[rendering.labels == row].mean(0)
            x, y, middle = thing.centre.tolist()
            foot = np.array([x, y, 0.0])
            things.append(SceneThing(" ".join(thing.pair), tuple(box), float(visible), surface, foot, 2 * middle))
    return PositionScene(rendering.image, depth_m, focal_px, table_from_camera, tuple(things))


def noisy_depth(depth_m: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint16]:
    """What a depth camera gives, in millimetres: sigma 1.2 mm + 1.9 mm / m^2 (z - 0.4 m)^2, 3 % holes, 1 mm steps."""
    z = depth_m.astype(np.float64)
    millimetres = np.round(1000 * (z + rng.normal(size=z.shape) * (0.0012 + 0.0019 * (z - 0.4) ** 2)))
    millimetres[rng.random(z.shape) < 0.03] = 0
    return np.clip(millimetres, 0, 65535).astype(np.uint16)


def detected_boxes(scene: PositionScene, found: Detections) -> list[Box | None]:
    """The detector's own box of each thing: of the right phrase, with the largest overlap of at least a half."""
    boxes: list[Box | None] = []
    for thing in scene.things:
        own = [tuple(found.boxes_xyxy[row].tolist()) for row in range(len(found)) if found.name(row) == thing.phrase]
        best = max(own, key=lambda box: _iou(box, thing.box), default=None)
        boxes.append(best if best is not None and _iou(best, thing.box) > _MIN_IOU else None)
    return boxes


def _iou(one: Box, other: Box) -> float:
    across = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    shared = across * max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / max(1e-9, sum(areas) - shared)
