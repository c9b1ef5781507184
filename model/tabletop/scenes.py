"""Random scenes: a seed gives a table in a room, lights, a camera, and objects on the table."""

# numpy 1.26 leaves the types of Generator.integers open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .objects import Vector, make_body, make_stray, paint
from .room import draw_lights, draw_room
from .scene import Camera, Pair, Scene, Thing, look_at, put_down
from .words import COLOURS, KINDS, PAIRS

ASPECT = 4 / 3
_GAP_M = 0.008


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """What a scene may contain.

    Args:
        pairs: the pairs of colour and kind that may occur.
        rare_pairs: pairs drawn with `rare_share` instead.
        rare_share: the share of objects drawn from `rare_pairs`.
        min_objects: minimum number of objects.
        max_objects: maximum number of objects.
    """

    pairs: tuple[Pair, ...] = PAIRS
    rare_pairs: tuple[Pair, ...] = ()
    rare_share: float = 0.0
    min_objects: int = 4
    max_objects: int = 10


def draw_scene(seed: int, options: SceneOptions) -> Scene:
    """The scene of a seed: the same seed and options give the same scene."""
    rng = np.random.default_rng([seed, 1])
    while True:  # a layout without space for enough objects is drawn again
        count = int(rng.integers(options.min_objects, options.max_objects + 1))
        camera = _draw_camera(rng, count)
        half = rng.uniform(0.35, 1.0, 2)
        pairs = _draw_pairs(rng, options, count)
        things = _lay_out(rng, camera, half, pairs)
        if sum(thing.pair is not None for thing in things) >= options.min_objects:
            break
    ambient, lights = draw_lights(rng, camera)
    return Scene(seed, camera, ambient, lights, tuple(draw_room(rng, half, camera)), tuple(things))


def _draw_camera(rng: np.random.Generator, count: int) -> Camera:
    fovy = math.radians(rng.uniform(36, 58))
    scale_px_m = float(np.exp(rng.uniform(math.log(260), math.log(820 - 34 * count))))  # at 320x240
    distance = 120 / math.tan(fovy / 2) / scale_px_m
    slope = math.radians(rng.uniform(11, 28) if rng.random() < 0.35 else rng.uniform(18, 66))
    angle = rng.uniform(0, 2 * math.pi)
    target = np.array([*rng.uniform(-0.12, 0.12, 2), rng.uniform(0.0, 0.05)])
    offset = np.array([math.cos(slope) * math.cos(angle), math.cos(slope) * math.sin(angle), math.sin(slope)])
    return look_at(target + distance * offset, target, math.radians(rng.normal(0, 2.5)), fovy)


def _draw_pairs(rng: np.random.Generator, options: SceneOptions, count: int) -> list[Pair]:
    """The pairs of a scene; half of the scenes use few colours and kinds, so that each word matters."""
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
    """Place objects and a few distractors on the visible table, without collisions."""
    wanted: list[Pair | None] = [*pairs, *([None] * max(0, int(rng.integers(-2, 5))))]
    placed: list[tuple[float, float, float]] = []
    things: list[Thing] = []
    crowd = float(rng.choice([0.0, 0.6]))  # probability that a thing stands next to another
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
    """A yaw that does not hide the handle behind the mug, since it could not be told from a can."""
    offset = math.atan2(spot[1] - camera.position[1], spot[0] - camera.position[0])
    return offset + float(rng.uniform(math.radians(50), math.radians(310)))


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
