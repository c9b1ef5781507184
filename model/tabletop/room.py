"""Room: draws a scene's surroundings at random: table, floor, walls, furniture and lights."""

# numpy 1.26 leaves the types of Generator.integers open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import colorsys
import math

import numpy as np

from .objects import Rgb, Vector
from .scene import Camera, Light, Slab
from .textures import TEXTURE_COUNT

_Triple = tuple[float, float, float]

_FLOOR_M = 0.72  # the table's height above the floor


def draw_room(rng: np.random.Generator, table_half: Vector, camera: Camera) -> list[Slab]:
    """Table, floor, four walls and a few pieces of furniture."""
    table = _surface_rgb(rng, 0.55)
    thick = float(rng.uniform(0.015, 0.04))
    slabs = [_slab(rng, (0, 0, -thick), (table_half[0], table_half[1], thick), 0.0, table, (1, 5))]
    slabs.append(
        _slab(rng, (0, 0, -_FLOOR_M - 0.05), (6, 6, 0.05), float(rng.uniform(0, 1.5)), _surface_rgb(rng, 0.6), (6, 40))
    )
    distance = float(rng.uniform(1.6, 4.0))
    wall = _surface_rgb(rng, 0.4)
    turn = float(rng.uniform(0, math.pi / 2))
    for i in range(4):
        angle = turn + i * math.pi / 2
        centre = (distance * math.cos(angle), distance * math.sin(angle), 0.8)
        slabs.append(_slab(rng, centre, (0.05, 6, 1.8), angle, wall, (4, 20)))
    facing = math.atan2(-camera.position[1], -camera.position[0])
    for _ in range(int(rng.integers(0, 6))):
        angle = facing + rng.uniform(-1.4, 1.4)  # never between the camera and the table
        away = rng.uniform(1.5, max(1.55, distance))
        half = (rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.9))
        centre = (away * math.cos(angle), away * math.sin(angle), half[2] - _FLOOR_M)
        slabs.append(_slab(rng, centre, half, float(rng.uniform(0, 3)), _surface_rgb(rng, 0.9), (1, 4)))
    return slabs


def draw_lights(rng: np.random.Generator, camera: Camera) -> tuple[Rgb, tuple[Light, ...]]:
    """Ambient light, a lamp, and a weaker one behind the camera.

    Colour and darkness are limited, so that an orange mug never looks brown on its visible side.
    """
    tint = 1 + rng.uniform(-1, 1) * np.array([0.07, 0.0, -0.09])
    total = float(rng.uniform(0.88, 1.12))
    share = float(rng.uniform(0.42, 0.62))
    fill = float(rng.uniform(0.3, 0.55)) * (1.0 - share)
    slope, angle = math.radians(rng.uniform(0, 58)), rng.uniform(0, 2 * math.pi)
    lamp = -np.array([math.sin(slope) * math.cos(angle), math.sin(slope) * math.sin(angle), math.cos(slope)])
    front = camera.camera_from_table[2] + rng.uniform(-0.3, 0.3, 3)
    lights = (
        Light(lamp, _rgb(tint * total * (1.0 - share - fill) * 1.4), bool(rng.random() < 0.65)),
        Light(front / np.linalg.norm(front), _rgb(tint * total * fill), shadow=False),
    )
    return _rgb(tint * total * share), lights


def _slab(
    rng: np.random.Generator, centre: _Triple, half: _Triple, yaw: float, rgb: Rgb, repeats: tuple[float, float]
) -> Slab:
    texture = int(rng.integers(TEXTURE_COUNT)) if rng.random() < 0.75 else -1
    return Slab(np.asarray(centre, float), np.asarray(half, float), yaw, rgb, texture, float(rng.uniform(*repeats)))


def _surface_rgb(rng: np.random.Generator, max_saturation: float) -> Rgb:
    return colorsys.hsv_to_rgb(
        float(rng.random()), float(rng.random() ** 1.5) * max_saturation, float(rng.uniform(0.2, 1.0))
    )


def _rgb(values: Vector) -> Rgb:
    return float(values[0]), float(values[1]), float(values[2])
