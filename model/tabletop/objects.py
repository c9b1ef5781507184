"""Objects: the surfaces of each kind, with random proportions and shades."""

# numpy 1.26 leaves the types of Generator.integers open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .shapes import Mesh, arc, lathe, prism, tube

Vector = NDArray[np.float64]
Rgb = tuple[float, float, float]

# Hue in degrees, saturation, value: ranges that stay distinct when the light changes.
_PAINTS: Mapping[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "red": ((-6, 6), (0.82, 0.97), (0.62, 0.88)),
    "orange": ((23, 30), (0.88, 1.0), (0.92, 1.0)),
    "yellow": ((50, 57), (0.80, 1.0), (0.86, 1.0)),
    "green": ((105, 150), (0.60, 0.95), (0.32, 0.70)),
    "blue": ((210, 234), (0.75, 0.97), (0.50, 0.92)),
    "purple": ((268, 286), (0.55, 0.85), (0.42, 0.68)),
    "pink": ((325, 345), (0.36, 0.58), (0.92, 1.0)),
    "brown": ((17, 27), (0.50, 0.70), (0.26, 0.38)),
    "white": ((0, 360), (0.0, 0.04), (0.90, 1.0)),
    "black": ((0, 360), (0.0, 0.20), (0.03, 0.09)),
}


@dataclass(frozen=True, slots=True)
class Surface:
    """One surface of an object, in the object's own frame (metres, base at z = 0).

    Args:
        mesh: a key of `make_meshes()`.
        matrix: (3, 3), rotates and scales the mesh.
        offset: (3,) the position of the mesh's origin.
        rgb: its colour, 0..1.
        gloss: 0 matt, 1 shining.
    """

    mesh: str
    matrix: Vector
    offset: Vector
    rgb: Rgb
    gloss: float


@dataclass(frozen=True, slots=True)
class Body:
    """An object's shape in its own frame, upright, with the poses in which it can rest.

    Args:
        parts: its surfaces.
        radius_m: of a circle around it on the table, in any pose.
        tilts_rad: the rotations about its y axis in which it can rest.
    """

    parts: tuple[Surface, ...]
    radius_m: float
    tilts_rad: tuple[float, ...]


def paint(colour: str, rng: np.random.Generator) -> Rgb:
    """A random shade of the named colour."""
    (hue, saturation, value) = (float(rng.uniform(*bounds)) for bounds in _PAINTS[colour])
    return colorsys.hsv_to_rgb(hue / 360 % 1.0, saturation, value)


def make_body(kind: str, rgb: Rgb, rng: np.random.Generator) -> Body:
    """An object of a kind with random proportions, painted `rgb`."""
    return _MAKERS[kind](rgb, rng)


def make_stray(rng: np.random.Generator) -> Body:
    """A distractor: an object of none of the kinds, in any colour."""
    shade = float(rng.uniform(0.15, 0.85))
    rgb: Rgb = (shade, shade, shade)
    if rng.random() < 0.6:
        rgb = colorsys.hsv_to_rgb(float(rng.random()), float(rng.uniform(0.2, 1)), float(rng.uniform(0.2, 1)))
    gloss = float(rng.uniform(0, 0.6))
    shape = ("book", "star", "wedge", "stick", "egg", "arch")[int(rng.integers(6))]
    size = float(rng.uniform(0.035, 0.075))
    if shape == "book":
        scale = (size * 1.3, size * rng.uniform(0.7, 1.0), size * rng.uniform(0.12, 0.35))
        return Body((_part("cube", scale, (0, 0, 0), rgb, gloss),), 1.5 * size, (0.0,))
    if shape == "stick":
        scale = (size * 0.16, size * 0.16, size * rng.uniform(1.8, 3.0))
        return Body((_part("stick", scale, (0, 0, 0), rgb, gloss),), scale[2] / 2, (math.pi / 2,))
    if shape == "egg":
        scale = (size * 0.4, size * 0.4, size * rng.uniform(1.1, 1.4))
        return Body((_part("ball", scale, (0, 0, scale[2]), rgb, gloss),), scale[2], (math.pi / 2,))
    if shape == "arch":
        return Body(
            (_part("arch", (size * 0.6, size * 0.6, size * 0.6), (0, 0, 0), rgb, gloss),), size, (0.0, math.pi / 2)
        )
    scale = (size * 0.6, size * 0.6, size * rng.uniform(0.25, 0.6))
    return Body((_part(shape, scale, (0, 0, 0), rgb, gloss),), size, (0.0,))


def _part(
    mesh: str, scale: tuple[float, float, float], offset: tuple[float, float, float], rgb: Rgb, gloss: float
) -> Surface:
    return Surface(mesh, np.diag(np.asarray(scale, np.float64)), np.asarray(offset, np.float64), rgb, gloss)


def _cube(rgb: Rgb, rng: np.random.Generator) -> Body:
    half = float(rng.uniform(0.020, 0.040))
    scale = (half * rng.uniform(0.93, 1.07), half * rng.uniform(0.93, 1.07), 2 * half * rng.uniform(0.93, 1.07))
    return Body((_part("cube", scale, (0, 0, 0), rgb, float(rng.uniform(0, 0.4))),), half * 1.5, (0.0,))


def _ball(rgb: Rgb, rng: np.random.Generator) -> Body:
    radius = float(rng.uniform(0.020, 0.043))
    return Body(
        (_part("ball", (radius, radius, radius), (0, 0, radius), rgb, float(rng.uniform(0, 0.8))),), radius, (0.0,)
    )


def _can(rgb: Rgb, rng: np.random.Generator) -> Body:
    radius = float(rng.uniform(0.024, 0.036))
    height = radius * float(rng.uniform(2.2, 3.6))
    metal = float(rng.uniform(0.55, 0.8))
    parts = [
        _part("can", (radius, radius, height), (0, 0, 0), rgb, float(rng.uniform(0.2, 0.9))),
        _part("lid", (radius, radius, height), (0, 0, 0), (metal, metal, metal), 0.8),
    ]
    if rng.random() < 0.35:  # a printed band in a shade of the same colour
        shade = _shade(rgb, float(rng.uniform(0.78, 1.15)))
        low, tall = float(rng.uniform(0.15, 0.6)), float(rng.uniform(0.12, 0.3))
        parts.append(_part("band", (radius * 1.012, radius * 1.012, height * tall), (0, 0, height * low), shade, 0.3))
    return Body(tuple(parts), max(radius, height / 2), (0.0, 0.0, 0.0, math.pi / 2))


def _bottle(rgb: Rgb, rng: np.random.Generator) -> Body:
    radius = float(rng.uniform(0.022, 0.034))
    height = radius * float(rng.uniform(5.2, 7.2))
    mesh = ("bottle_round", "bottle_steep", "bottle_slim")[int(rng.integers(3))]
    parts = [_part(mesh, (radius, radius, height), (0, 0, 0), rgb, float(rng.uniform(0.3, 1.0)))]
    cap = (rgb, _shade(rgb, 0.7), (0.85, 0.85, 0.85), (0.12, 0.12, 0.12))[int(rng.integers(4))]
    parts.append(_part("can", (radius * 0.42, radius * 0.42, height * 0.075), (0, 0, height * 0.93), cap, 0.4))
    return Body(tuple(parts), max(radius, height / 2.4), (0.0, 0.0, 0.0, math.pi / 2))


def _mug(rgb: Rgb, rng: np.random.Generator) -> Body:
    radius = float(rng.uniform(0.030, 0.043))
    height = radius * float(rng.uniform(1.9, 2.6))
    gloss = float(rng.uniform(0.2, 1.0))
    parts = [
        _part(("mug_straight", "mug_round")[int(rng.integers(2))], (radius, radius, height), (0, 0, 0), rgb, gloss)
    ]
    grip = (
        radius * float(rng.uniform(0.55, 0.75)),
        radius * float(rng.uniform(0.9, 1.3)),
        height * float(rng.uniform(0.28, 0.36)),
    )
    parts.append(_part("handle", grip, (radius * 0.93, 0, height * 0.5), rgb, gloss))
    if rng.random() < 0.3:  # coffee, milk or tea
        drink = ((0.16, 0.09, 0.05), (0.93, 0.90, 0.84), (0.45, 0.22, 0.07))[int(rng.integers(3))]
        parts.append(
            _part(
                "disc", (radius * 0.89, radius * 0.89, 1.0), (0, 0, height * float(rng.uniform(0.6, 0.85))), drink, 0.6
            )
        )
        return Body(tuple(parts), radius * 1.5, (0.0,))
    return Body(tuple(parts), radius * 1.5, (0.0, 0.0, 0.0, 0.0, math.pi / 2))


def _ring(rgb: Rgb, rng: np.random.Generator) -> Body:
    radius = float(rng.uniform(0.028, 0.046))
    mesh = ("ring_thin", "ring_middle", "ring_thick")[int(rng.integers(3))]
    return Body(
        (_part(mesh, (radius, radius, radius), (0, 0, 0), rgb, float(rng.uniform(0.1, 0.8))),),
        radius * 1.35,
        (0.0, 0.0, math.pi / 2),
    )


def _cone(rgb: Rgb, rng: np.random.Generator) -> Body:
    radius = float(rng.uniform(0.026, 0.042))
    height = radius * float(rng.uniform(1.9, 3.0))
    lying = math.pi / 2 + math.atan2(radius, height)
    parts = (_part("cone", (radius, radius, height), (0, 0, 0), rgb, float(rng.uniform(0, 0.5))),)
    return Body(parts, max(radius, height / 1.8), (0.0, 0.0, 0.0, lying))


def _bowl(rgb: Rgb, rng: np.random.Generator) -> Body:
    radius = float(rng.uniform(0.045, 0.068))
    height = radius * float(rng.uniform(0.62, 0.85))
    return Body(
        (_part("bowl", (radius, radius, height), (0, 0, 0), rgb, float(rng.uniform(0.1, 0.9))),), radius, (0.0,)
    )


def _shade(rgb: Rgb, factor: float) -> Rgb:
    return (min(1.0, rgb[0] * factor), min(1.0, rgb[1] * factor), min(1.0, rgb[2] * factor))


_MAKERS = {
    "cube": _cube,
    "ball": _ball,
    "can": _can,
    "bottle": _bottle,
    "mug": _mug,
    "ring": _ring,
    "cone": _cone,
    "bowl": _bowl,
}


def make_meshes() -> dict[str, Mesh]:
    """Every mesh that bodies are composed of, by name, at unit size."""
    turn = 2 * math.pi
    neck = [(0.36, 0.80), (0.33, 0.93), (0.0, 0.93)]
    foot = [(0.0, 0.0), (0.90, 0.0), (1.0, 0.02)]
    meshes = {
        "can": lathe([(0, 0), (0.88, 0), (1, 0.05), (1, 0.95), (0.9, 1.0), (0.86, 1.0), (0.86, 0.97), (0, 0.97)]),
        "lid": lathe([(0.90, 0.99), (0.91, 1.005), (0.86, 1.005), (0.86, 0.98), (0, 0.98)]),
        "band": lathe([(1, 0), (1, 1)]),
        "disc": lathe([(1, 0), (0, 0)]),
        "stick": lathe([(0, 0), (1, 0), (1, 1), (0, 1)], 12),
        "bottle_round": lathe([*foot, (1, 0.52), (0.95, 0.59), (0.80, 0.67), (0.55, 0.74), *neck]),
        "bottle_steep": lathe([*foot, (1, 0.62), (0.90, 0.67), (0.60, 0.71), (0.40, 0.73), *neck]),
        "bottle_slim": lathe([*foot, (1, 0.40), (0.90, 0.50), (0.68, 0.62), (0.46, 0.73), *neck]),
        "mug_straight": lathe([(0, 0), (0.94, 0), (1, 0.04), (1, 1), (0.90, 1), (0.90, 0.08), (0, 0.08)]),
        "mug_round": lathe(
            [
                (0, 0),
                (0.62, 0),
                (0.80, 0.06),
                (0.93, 0.18),
                (1, 0.36),
                (1, 1),
                (0.90, 1),
                (0.90, 0.36),
                (0.7, 0.12),
                (0, 0.08),
            ]
        ),
        "handle": tube(arc((0, 0), (1, 1), (-0.5 * math.pi, 0.5 * math.pi), 15), 0.17, closed=False),
        "cone": lathe([(0, 0), (1, 0), (0.03, 0.985), (0, 1)]),
        "bowl": lathe(
            [
                (0, 0),
                (0.46, 0),
                (0.50, 0.06),
                *arc((0.0, 1.0), (1.0, 0.93), (-1.03, 0.0), 9),
                (0.93, 1.0),
                *arc((0.0, 1.0), (0.92, 0.84), (-0.05, -0.5 * math.pi), 10)[:-1],
                (0.0, 0.16),
            ]
        ),
        "cube": prism([(1, 1), (-1, 1), (-1, -1), (1, -1)]),
        "ball": lathe([(0.0, -1.0), *arc((0, 0), (1, 1), (-0.5 * math.pi, 0.5 * math.pi), 20)[1:-1], (0.0, 1.0)]),
        "star": prism(
            [p for i in range(5) for p in (_on_circle(1.0, turn * i / 5), _on_circle(0.45, turn * (i + 0.5) / 5))]
        ),
        "wedge": prism([_on_circle(1.0, turn * i / 3) for i in range(3)]),
        "arch": tube(arc((0, 0), (1, 1), (0.0, math.pi), 15), 0.24, closed=False),
    }
    for name, thickness in (("ring_thin", 0.20), ("ring_middle", 0.27), ("ring_thick", 0.34)):
        meshes[name] = lathe(arc((1.0, thickness), (thickness, thickness), (0.0, turn), 19))
    return meshes


def _on_circle(radius: float, angle: float) -> tuple[float, float]:
    return radius * math.cos(angle), radius * math.sin(angle)
