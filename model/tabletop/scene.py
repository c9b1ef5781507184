"""Scene: camera, lights, surroundings and the things on the table, as data."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .objects import Body, Rgb, Vector, make_meshes

Pair = tuple[str, str]

WIDTH_PX, HEIGHT_PX = 640, 480  # of a rendered picture


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera's pose in table coordinates (metres, z up, origin on the table top).

    Args:
        position: (3,).
        camera_from_table: (3, 3), rows are the camera's right, down and forward.
        fovy_rad: the full vertical angle of view.
    """

    position: Vector
    camera_from_table: Vector
    fovy_rad: float


@dataclass(frozen=True, slots=True)
class Light:
    """A lamp: its direction, its colour, and whether it casts shadows."""

    direction: Vector
    rgb: Rgb
    shadow: bool


@dataclass(frozen=True, slots=True)
class Slab:
    """A box of the surroundings: table, floor, wall, furniture. `texture` is -1 for plain."""

    centre: Vector
    half: Vector
    yaw_rad: float
    rgb: Rgb
    texture: int
    repeat: float


@dataclass(frozen=True, slots=True)
class Thing:
    """An object on the table; `pair` is None for a distractor.

    Args:
        pair: its colour and kind.
        body: its shape.
        table_from_body: (3, 3) its rotation.
        position: (3,) the origin of its own frame, table coordinates.
        centre: (3,) the centre of its bounds, table coordinates.
    """

    pair: Pair | None
    body: Body
    table_from_body: Vector
    position: Vector
    centre: Vector


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a renderer needs."""

    seed: int
    camera: Camera
    ambient: Rgb
    lights: tuple[Light, ...]
    slabs: tuple[Slab, ...]
    things: tuple[Thing, ...]


def look_at(position: Vector, target: Vector, roll_rad: float, fovy_rad: float) -> Camera:
    """A camera at `position` with `target` in the middle of its picture."""
    forward = target - position
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, np.array([0.0, 0.0, 1.0]))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = math.cos(roll_rad), math.sin(roll_rad)
    return Camera(position, np.stack([c * right + s * down, c * down - s * right, forward]), fovy_rad)


def put_down(
    body: Body, xy: tuple[float, float], yaw_rad: float, tilt_rad: float, roll_rad: float, pair: Pair | None
) -> Thing:
    """Place a body on the table: its lowest point touches the table and its centre is above `xy`."""
    turned = _about_z(yaw_rad) @ _about_y(tilt_rad) @ _about_z(roll_rad)
    low, high = _bounds(body, turned)
    middle = (low + high) / 2
    position = np.array([xy[0] - middle[0], xy[1] - middle[1], -low[2]])
    return Thing(pair, body, turned, position, position + middle)


@functools.cache
def _vertices() -> dict[str, NDArray[np.float64]]:
    return {name: mesh.vertices for name, mesh in make_meshes().items()}


def _bounds(body: Body, turned: Vector) -> tuple[Vector, Vector]:
    """The minimum and maximum coordinates of a rotated body."""
    meshes = _vertices()
    points = np.concatenate([(meshes[p.mesh] @ p.matrix.T + p.offset) @ turned.T for p in body.parts])
    return points.min(0), points.max(0)


def _about_z(angle: float) -> Vector:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _about_y(angle: float) -> Vector:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
