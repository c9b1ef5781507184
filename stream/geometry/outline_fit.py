"""Outline fit: where things of unknown shape stand on a plane, by the four edges of each one's box.

The two rays through the ends of a box's edge span a plane that touches the thing. How far a shape reaches towards such
a plane is linear in its size, so each shape's place and size follow from four edges by least squares. Which shape it
is, the box hardly says: several are fitted, and each counts by how well it explains the box.
"""

# numpy leaves the types of einsum and linalg open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rigid_transform import Vector

_ROUNDS = 3  # the touching points depend on the size
_CONE, _TAPERED, _UPRIGHT, _BOWL, _BALL = range(5)
# The top's width as a share of the foot's; the height as a share of the largest width, and how far both may be off;
# the depth along the view as a share of the width across it, likewise; how often such a thing is met.
_TOP = np.array([0.0, 0.5, 1.0, 1.8, 1.0])
_HEIGHT = np.array([1.2, 1.3, 1.1, 0.45, 1.0])
_HEIGHT_OFF = np.array([0.4, 0.6, 0.6, 0.15, 0.04])
_DEPTH_OFF = np.array([0.1, 0.2, 0.35, 0.1, 0.04])
_OFTEN = np.array([0.10, 0.15, 0.45, 0.15, 0.15])
_IS_BALL = np.arange(5) == _BALL
_WIDEST = np.maximum(1.0, _TOP)
_UNEVEN = 0.05  # of half a thing's width: a handle or a spout moves the outline's middle
_MIN_SIZE = 0.02  # of the widest radius, so that a size stays one


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """What the boxes of a picture say, in the axes of the plane: across the view, along it, along the normal.

    Args:
        touching: (n, 4, 3) unit normals, away from the thing, of the planes through the eye and the left, upper, right
            and lower edge of each box.
        counts: (n, 4) which edges count.
        eye_m: (n, 3) the eye, from a point of the plane near the thing.
        radius_m: (n,) about half the thing's width.
        edge_m: (n,) an edge's standard deviation at the thing's distance.
        height_m, width_m: (n,) NaN where they are not known.
        size_share: their relative standard deviation.
    """

    touching: Vector
    counts: Vector
    eye_m: Vector
    radius_m: Vector
    edge_m: Vector
    height_m: Vector
    width_m: Vector
    size_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Feet:
    """Where the things stand: the middle of each one's foot.

    Args:
        point_m: (n, 2) across and along, from the point near the thing.
        edges_m2: (n, 2, 2) covariance by the edges' errors.
        shape_m2: (n, 2, 2) covariance because the shape is not known.
    """

    point_m: Vector
    edges_m2: Vector
    shape_m2: Vector


def fit_outlines(outlines: Outlines) -> Feet:
    """Fit every shape to every box, and average them by how well each explains its box."""
    start = outlines.radius_m[:, None] / _WIDEST
    known = _known(outlines, start)
    fit = _solve(outlines, known, np.stack([start, start, 2 * _HEIGHT * _WIDEST * start], -1))
    for _ in range(_ROUNDS - 1):
        fit = _solve(outlines, known, np.maximum(fit.found[..., 2:], _MIN_SIZE * start[..., None]))
    likely = 0.5 * (np.linalg.slogdet(fit.covariance)[1] - fit.off)
    likely += np.log(_OFTEN / (_DEPTH_OFF * _HEIGHT_OFF)) - 3.0 * np.log(start)
    share = np.exp(likely - likely.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    points = fit.found[..., :2]
    middle = np.einsum("ns,nsi->ni", share, points)
    apart = points - middle[:, None]
    gain = fit.covariance[..., :2, :] @ np.swapaxes(fit.edges, 2, 3)
    by_edges = np.einsum("ns,nsij->nij", share, gain @ np.swapaxes(gain, 2, 3))
    spread = fit.covariance[..., :2, :2] + apart[..., :, None] * apart[..., None, :]
    uneven = np.eye(2) * (_UNEVEN * outlines.radius_m[:, None, None]) ** 2
    return Feet(middle, by_edges, np.einsum("ns,nsij->nij", share, spread) - by_edges + uneven)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Each shape's least squares solution for each box.

    Args:
        found: (n, shapes, 5) place across and along, radius across and along, height.
        covariance: (n, shapes, 5, 5) of it.
        edges: (n, shapes, 4, 5) the equations of the edges, in standard deviations.
        off: (n, shapes) the sum of squares that is left.
    """

    found: Vector
    covariance: Vector
    edges: Vector
    off: Vector


def _solve(outlines: Outlines, known: tuple[Vector, Vector], sizes: Vector) -> _Fit:
    """Least squares with the touching points of things of these sizes."""
    reach = _reach(outlines.touching, sizes)
    weight = (outlines.counts / outlines.edge_m[:, None])[:, None, :, None]
    place = np.broadcast_to(outlines.touching[:, None, :, :2], (*reach.shape[:-1], 2))
    edges = np.concatenate([place, reach], -1) * weight
    distance = np.einsum("nij,nj->ni", outlines.touching, outlines.eye_m)[:, None, :, None]
    system = np.concatenate([edges, known[0]], 2)
    right = np.concatenate([np.broadcast_to(distance * weight, (*reach.shape[:-1], 1)), known[1]], 2)
    turned = np.swapaxes(system, 2, 3)
    covariance = np.linalg.inv(turned @ system)
    found = covariance @ (turned @ right)
    off = ((system @ found - right)[..., 0] ** 2).sum(-1)
    return _Fit(found[..., 0], covariance, edges, off)


def _reach(touching: Vector, sizes: Vector) -> Vector:
    """(n, shapes, 4, 3) how far each shape reaches towards each plane for its radius across, along, and its height."""
    across, along, up = (touching[:, None, :, axis] for axis in range(3))
    wide, deep, tall = (sizes[..., None, axis] for axis in range(3))
    ring = np.sqrt((wide * across) ** 2 + (deep * along) ** 2) + 1e-12
    top = _TOP[:, None]
    is_top = top * ring + tall * up > ring
    share = np.where(is_top, top, 1.0)
    half = tall / 2
    round_ = np.sqrt(ring**2 + (half * up) ** 2)
    ball = _IS_BALL[:, None]
    per = np.where(ball, 1.0 / round_, share / ring)
    height = np.where(ball, up / 2 + half * up**2 / (2 * round_), np.where(is_top, up, 0.0))
    return np.stack([wide * across**2 * per, deep * along**2 * per, height], -1)


def _known(outlines: Outlines, start: Vector) -> tuple[Vector, Vector]:
    """The equations (n, shapes, 4, 5) that state what is known of a size beforehand, and their right sides."""
    rows, right = np.zeros((*start.shape, 4, 5)), np.zeros((*start.shape, 4, 1))
    off = 1.0 / (_DEPTH_OFF * start)
    rows[..., 0, 2], rows[..., 0, 3] = -off, off
    off = 1.0 / (2 * _HEIGHT_OFF * _WIDEST * start)
    rows[..., 1, 2], rows[..., 1, 4] = -2 * _HEIGHT * _WIDEST * off, off
    for row, column, known, factor in ((2, 4, outlines.height_m, 1.0), (3, 2, outlines.width_m, 2 * _WIDEST)):
        is_known = np.isfinite(known)
        if is_known.any():
            sigma = np.where(is_known, outlines.size_share * known, np.inf)[:, None]
            rows[..., row, column] = factor / sigma
            right[..., row, 0] = np.where(is_known, 1.0 / outlines.size_share, 0.0)[:, None]
    return rows, right
