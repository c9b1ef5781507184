"""Geometry options: a source's camera, its place, and how positions in metres are made of its boxes. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Distortion = Literal["none", "plumb_bob", "rational", "fisheye"]
Vector3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera with lens distortion, in OpenCV's convention: (0, 0) is the centre of the top left pixel.

    Args:
        width, height: px of the pictures that the values belong to.
        fx, fy: focal lengths, px.
        cx, cy: principal point, px.
        distortion: plumb_bob has k1 k2 p1 p2 [k3]; rational k1 k2 p1 p2 k3 k4 k5 k6; fisheye (equidistant) k1 k2 k3 k4.
        coefficients: in that order.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Distortion = "none"
    coefficients: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """A pose as settings state it: a translation in metres and a unit quaternion x, y, z, w."""

    translation_m: Vector3 = (0.0, 0.0, 0.0)
    quaternion_xyzw: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class SupportPlane:
    """The support plane in the frame of the positions: the points p with normal . p = offset_m.

    Args:
        normal: of length 1, away from the support.
        offset_m: of the plane from the frame's origin, along the normal.
    """

    normal: Vector3 = (0.0, 0.0, 1.0)
    offset_m: float = 0.0
