"""Triangle meshes: lathed profiles, bent tubes and extruded outlines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIDES = 36
_SMOOTH_DEG = 38.0


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles with a normal for each corner, counter-clockwise seen from outside.

    Args:
        vertices: (v, 3) positions.
        normals: (n, 3) unit vectors.
        faces: (f, 3) rows of `vertices`.
        face_normals: (f, 3) rows of `normals`.
    """

    vertices: NDArray[np.float64]
    normals: NDArray[np.float64]
    faces: NDArray[np.int32]
    face_normals: NDArray[np.int32]


def lathe(profile: Sequence[tuple[float, float]], sides: int = _SIDES) -> Mesh:
    """Rotate a profile of (radius, height) about the z axis; the outside is right of its direction.

    A bend of less than 38 degrees is shaded smooth, a sharper one as an edge.
    """
    starts, ends = _profile_normals(profile)
    angles = np.arange(sides) * (2 * math.pi / sides)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    points = np.asarray(profile, np.float64)
    vertices = np.concatenate([np.column_stack([circle * r, np.full(sides, z)]) for r, z in points])
    normals = np.concatenate(
        [
            np.column_stack([circle * n[0], np.full(sides, n[1])])
            for pair in zip(starts, ends, strict=True)
            for n in pair
        ]
    )
    faces: list[tuple[int, int, int]] = []
    corners: list[tuple[int, int, int]] = []
    for i in range(len(points) - 1):
        low, high, low_n, high_n = i * sides, (i + 1) * sides, 2 * i * sides, (2 * i + 1) * sides
        for a in range(sides):
            b = (a + 1) % sides
            if points[i][0] > 0:
                faces.append((low + a, low + b, high + b))
                corners.append((low_n + a, low_n + b, high_n + b))
            if points[i + 1][0] > 0:
                faces.append((low + a, high + b, high + a))
                corners.append((low_n + a, high_n + b, high_n + a))
    return Mesh(vertices, normals, np.array(faces, np.int32), np.array(corners, np.int32))


def tube(path: Sequence[tuple[float, float]], thickness: float, closed: bool, sides: int = 14) -> Mesh:
    """A round tube along a path of (x, z) in the plane y = 0."""
    points = np.asarray(path, np.float64)
    ahead, behind = np.roll(points, -1, 0), np.roll(points, 1, 0)
    if not closed:
        ahead[-1], behind[0] = points[-1], points[0]
    along = ahead - behind
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    angles = np.arange(sides) * (2 * math.pi / sides)
    normals = np.concatenate(
        [np.column_stack([np.cos(angles) * -t[1], -np.sin(angles), np.cos(angles) * t[0]]) for t in along]
    )
    centres = np.repeat(np.column_stack([points[:, 0], np.zeros(len(points)), points[:, 1]]), sides, 0)
    faces: list[tuple[int, int, int]] = []
    for i in range(len(points) if closed else len(points) - 1):
        here, there = i * sides, ((i + 1) % len(points)) * sides
        for a in range(sides):
            b = (a + 1) % sides
            faces += [(here + a, here + b, there + b), (here + a, there + b, there + a)]
    rows = np.array(faces, np.int32)
    return Mesh(centres + thickness * normals, normals, rows, rows)


def prism(outline: Sequence[tuple[float, float]]) -> Mesh:
    """Extrude an outline in the x-y plane (counter-clockwise, star-shaped around the origin) from z = 0 to 1."""
    count = len(outline)
    flat = np.asarray(outline, np.float64)
    vertices = np.concatenate(
        [np.column_stack([flat, np.full(count, z)]) for z in (0.0, 1.0)]
        + [np.array([[0, 0, 0], [0, 0, 1]], np.float64)]
    )
    edges = np.roll(flat, -1, 0) - flat
    sides = np.column_stack([edges[:, 1], -edges[:, 0], np.zeros(count)])
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    normals = np.concatenate([sides, np.array([[0, 0, -1], [0, 0, 1]], np.float64)])
    faces: list[tuple[int, int, int]] = []
    corners: list[tuple[int, int, int]] = []
    for a in range(count):
        b = (a + 1) % count
        faces += [
            (a, b, count + b),
            (a, count + b, count + a),
            (2 * count, b, a),
            (2 * count + 1, count + a, count + b),
        ]
        corners += [(a, a, a), (a, a, a), (count, count, count), (count + 1, count + 1, count + 1)]
    return Mesh(vertices, normals, np.array(faces, np.int32), np.array(corners, np.int32))


def arc(
    centre: tuple[float, float], radii: tuple[float, float], span: tuple[float, float], steps: int
) -> list[tuple[float, float]]:
    """Points of an ellipse from one angle to another, in radians."""
    angles = np.linspace(span[0], span[1], steps)
    return [(centre[0] + radii[0] * math.cos(a), centre[1] + radii[1] * math.sin(a)) for a in angles]


def _profile_normals(profile: Sequence[tuple[float, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The (radial, up) normals at both ends of each segment of a profile."""
    points = np.asarray(profile, np.float64)
    along = np.diff(points, axis=0)
    flat = np.column_stack([along[:, 1], -along[:, 0]])
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    starts, ends = flat.copy(), flat.copy()
    for i in range(len(flat) - 1):
        if flat[i] @ flat[i + 1] > math.cos(math.radians(_SMOOTH_DEG)):
            middle = flat[i] + flat[i + 1]
            ends[i] = starts[i + 1] = middle / np.linalg.norm(middle)
    return starts, ends
