"""Draws a scene from a seed: a table in a room, lights, a camera, and objects laid on the table."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .objects import Body, Rgb, make_body, make_meshes, make_stray, paint
from .textures import TEXTURE_COUNT
from .words import COLOURS, KINDS, PAIRS

Vector = NDArray[np.float64]
Pair = tuple[str, str]

ASPECT = 4 / 3
_FLOOR_M = 0.72  # the table's height over the floor
_GAP_M = 0.008


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the picture is taken from, in table coordinates (metres, z up, origin on the table top).

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
    """A lamp: a direction it shines in, a colour, and whether it throws shadows."""

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
        table_from_body: (3, 3) how it is turned.
        position: (3,) where the origin of its own frame lies, table coordinates.
        centre: (3,) the middle of the space it fills, table coordinates.
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


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """What may be in a scene.

    Args:
        pairs: the colours and kinds that may occur.
        rare_pairs: pairs drawn with `rare_share` instead.
        rare_share: the share of objects drawn from `rare_pairs`.
        least: the fewest objects.
        most: the most objects.
    """

    pairs: tuple[Pair, ...] = PAIRS
    rare_pairs: tuple[Pair, ...] = ()
    rare_share: float = 0.0
    least: int = 4
    most: int = 10


def draw_scene(seed: int, options: SceneOptions) -> Scene:
    """The scene of a seed: the same seed and options give the same scene."""
    rng = np.random.default_rng([seed, 1])
    while True:  # a layout that has no room for enough objects is drawn anew
        count = int(rng.integers(options.least, options.most + 1))
        camera = _draw_camera(rng, count)
        half = rng.uniform(0.35, 1.0, 2)
        pairs = _draw_pairs(rng, options, count)
        things = _lay_out(rng, camera, half, pairs)
        if sum(thing.pair is not None for thing in things) >= options.least:
            break
    ambient, lights = draw_lights(rng, camera)
    return Scene(seed, camera, ambient, lights, tuple(draw_room(rng, half, camera)), tuple(things))


def look_at(position: Vector, target: Vector, roll_rad: float, fovy_rad: float) -> Camera:
    """A camera at `position` that sees `target` in its middle."""
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
    """Rest a body on the table so that its lowest point touches and its middle is over `xy`."""
    turned = _about_z(yaw_rad) @ _about_y(tilt_rad) @ _about_z(roll_rad)
    low, high = _bounds(body, turned)
    middle = (low + high) / 2
    position = np.array([xy[0] - middle[0], xy[1] - middle[1], -low[2]])
    return Thing(pair, body, turned, position, position + middle)


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
    """Light from all sides, a lamp, and a weaker one behind the camera.

    Never so coloured or so dark on the side that shows that an orange mug would be called brown.
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


def _draw_camera(rng: np.random.Generator, count: int) -> Camera:
    fovy = math.radians(rng.uniform(36, 58))
    scale_px_m = float(np.exp(rng.uniform(math.log(260), math.log(820 - 34 * count))))  # at 320x240
    distance = 120 / math.tan(fovy / 2) / scale_px_m
    slope = math.radians(rng.uniform(11, 28) if rng.random() < 0.35 else rng.uniform(18, 66))
    angle = rng.uniform(0, 2 * math.pi)
    target = np.array([*rng.uniform(-0.12, 0.12, 2), rng.uniform(0.0, 0.05)])
    away = np.array([math.cos(slope) * math.cos(angle), math.cos(slope) * math.sin(angle), math.sin(slope)])
    return look_at(target + distance * away, target, math.radians(rng.normal(0, 2.5)), fovy)


def _draw_pairs(rng: np.random.Generator, options: SceneOptions, count: int) -> list[Pair]:
    """Pairs of a scene; half of the scenes keep to few colours and kinds, so that words must be told apart."""
    pool = options.pairs
    if rng.random() < 0.5:
        colours = set(rng.permutation(COLOURS)[: int(rng.integers(2, 5))].tolist())
        kinds = set(rng.permutation(KINDS)[: int(rng.integers(2, 5))].tolist())
        pool = tuple(p for p in pool if p[0] in colours and p[1] in kinds) or pool
    chosen: list[Pair] = []
    for _ in range(count):
        rare = options.rare_pairs and rng.random() < options.rare_share
        source = options.rare_pairs if rare else pool
        chosen.append(source[int(rng.integers(len(source)))])
    return chosen


def _lay_out(rng: np.random.Generator, camera: Camera, table_half: Vector, pairs: Sequence[Pair]) -> list[Thing]:
    """Put objects and a few distractors where the camera sees the table, none inside another."""
    wanted: list[Pair | None] = [*pairs, *([None] * max(0, int(rng.integers(-2, 5))))]
    placed: list[tuple[float, float, float]] = []
    things: list[Thing] = []
    crowd = float(rng.choice([0.0, 0.6]))  # how often a thing stands next to another
    for pair in wanted:
        body = make_stray(rng) if pair is None else make_body(pair[1], paint(pair[0], rng), rng)
        tilt = body.tilts_rad[int(rng.integers(len(body.tilts_rad)))]
        for _ in range(25):
            spot = _point_on_table(rng, camera, table_half)
            if spot is not None and placed and rng.random() < crowd:
                spot = _beside(rng, placed[int(rng.integers(len(placed)))], body.radius_m)
            if (
                spot is None
                or not _on_table(spot, table_half)
                or any(math.dist(spot, (x, y)) < body.radius_m + r + _GAP_M for x, y, r in placed)
            ):
                continue
            yaw, roll = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0, 2 * math.pi))
            if pair is not None and pair[1] == "mug":
                yaw, roll = _show_handle(rng, camera, spot), math.pi / 2 if tilt else 0.0
            placed.append((*spot, body.radius_m))
            things.append(put_down(body, spot, yaw, tilt, roll, pair))
            break
    return things


def _show_handle(rng: np.random.Generator, camera: Camera, spot: tuple[float, float]) -> float:
    """A turn that does not hide the handle behind the mug: nobody could call that a mug."""
    away = math.atan2(spot[1] - camera.position[1], spot[0] - camera.position[0])
    return away + float(rng.uniform(math.radians(50), math.radians(310)))


def _beside(rng: np.random.Generator, other: tuple[float, float, float], radius_m: float) -> tuple[float, float]:
    angle, apart = rng.uniform(0, 2 * math.pi), (other[2] + radius_m) * rng.uniform(1.05, 1.6) + _GAP_M
    return float(other[0] + apart * math.cos(angle)), float(other[1] + apart * math.sin(angle))


def _point_on_table(rng: np.random.Generator, camera: Camera, table_half: Vector) -> tuple[float, float] | None:
    """Where the ray of a random pixel meets the table top, if it does."""
    top = math.tan(camera.fovy_rad / 2)
    ray = (
        np.array([rng.uniform(-0.93, 0.93) * top * ASPECT, rng.uniform(-0.8, 0.93) * top, 1.0])
        @ camera.camera_from_table
    )
    if ray[2] >= -0.05:
        return None
    x, y, _ = camera.position - ray * (camera.position[2] / ray[2])
    return float(x), float(y)


def _on_table(spot: tuple[float, float], table_half: Vector) -> bool:
    return abs(spot[0]) < table_half[0] - 0.04 and abs(spot[1]) < table_half[1] - 0.04


_VERTICES = {name: mesh.vertices for name, mesh in make_meshes().items()}


def _bounds(body: Body, turned: Vector) -> tuple[Vector, Vector]:
    points = np.concatenate([(_VERTICES[p.mesh] @ p.matrix.T + p.offset) @ turned.T for p in body.parts])
    return points.min(0), points.max(0)


Triple = tuple[float, float, float]


def _slab(
    rng: np.random.Generator, centre: Triple, half: Triple, yaw: float, rgb: Rgb, repeats: tuple[float, float]
) -> Slab:
    texture = int(rng.integers(TEXTURE_COUNT)) if rng.random() < 0.75 else -1
    return Slab(np.asarray(centre, float), np.asarray(half, float), yaw, rgb, texture, float(rng.uniform(*repeats)))


def _surface_rgb(rng: np.random.Generator, most_saturation: float) -> Rgb:
    return colorsys.hsv_to_rgb(
        float(rng.random()), float(rng.random() ** 1.5) * most_saturation, float(rng.uniform(0.2, 1.0))
    )


def _rgb(values: Vector) -> Rgb:
    return float(values[0]), float(values[1]), float(values[2])


def _about_z(angle: float) -> Vector:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _about_y(angle: float) -> Vector:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
