"""Domain shifts: rendered pictures made dark, small, or mixed with shapes of unknown kinds.

Coordinates: `boxes_xyxy` are px of the argument picture, or of the returned one.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float32]

# The colour words in RGB.
PAINTS: dict[str, tuple[int, int, int]] = {
    "red": (200, 35, 35),
    "orange": (240, 130, 25),
    "yellow": (235, 205, 45),
    "green": (45, 150, 60),
    "blue": (40, 80, 190),
    "purple": (120, 50, 150),
    "pink": (235, 130, 170),
    "brown": (110, 70, 40),
    "white": (235, 235, 235),
    "black": (30, 30, 30),
}
_SHAPES = ("egg", "pill", "cross")


def dim(picture: Picture, light: float) -> Picture:
    """The picture with every value multiplied by `light`, 0..1."""
    return (picture * np.float32(light)).astype(np.uint8)


def far_away(
    picture: Picture, boxes_xyxy: Boxes, scale: float, grey: int, corner_xy: tuple[float, float] = (0.5, 0.5)
) -> tuple[Picture, Boxes]:
    """The picture resized by `scale` on a grey canvas of the original size, and its boxes.

    Args:
        corner_xy: the fraction of the free space left of and above the picture, 0..1; 0.5 centres it.
    """
    height, width = picture.shape[:2]
    small_h, small_w = max(1, round(height * scale)), max(1, round(width * scale))
    left, top = round((width - small_w) * corner_xy[0]), round((height - small_h) * corner_xy[1])
    canvas = np.full_like(picture, grey)
    small = cv2.resize(picture, (small_w, small_h), interpolation=cv2.INTER_AREA)
    canvas[top : top + small_h, left : left + small_w] = small
    by = np.array([small_w / width, small_h / height] * 2, np.float32)
    return canvas, boxes_xyxy * by + np.array([left, top, left, top], np.float32)


def add_unknown_shapes(
    picture: Picture, boxes_xyxy: Boxes, count: int, rng: np.random.Generator
) -> tuple[Picture, Boxes, list[str]]:
    """Paint eggs, pills and crosses beside the objects: shapes of known colours and unknown kinds.

    Returns:
        The picture, and the boxes and colours of the painted shapes; fewer than `count` if there is no space.
    """
    height, width = picture.shape[:2]
    canvas, occupied = picture.copy(), [*boxes_xyxy]
    drawn: list[NDArray[np.float32]] = []
    colours: list[str] = []
    for _ in range(count * 4):
        if len(drawn) == count:
            break
        size = height * rng.uniform(0.08, 0.2)
        centre = np.array([rng.uniform(size, width - size), rng.uniform(size, height - size)])
        box = np.concatenate([centre - size / 2, centre + size / 2]).astype(np.float32)
        if any(_overlap(box, other) for other in occupied):
            continue
        colour = str(rng.choice(list(PAINTS)))
        mask = _shape(str(rng.choice(_SHAPES)), float(size), (float(centre[0]), float(centre[1])), (height, width), rng)
        _paint(canvas, mask, PAINTS[colour], rng)
        rows, columns = np.nonzero(mask > 0.5)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
        occupied.append(box)
        drawn.append(box)
        colours.append(colour)
    return canvas, np.array(drawn, np.float32).reshape(-1, 4), colours


def _shape(
    kind: str, size_px: float, centre_xy: tuple[float, float], size_hw: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(H, W) in 0..1: the shape's coverage of each pixel."""
    height, width = size_hw
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    angle = rng.uniform(0, np.pi)
    along = (x - centre_xy[0]) * np.cos(angle) + (y - centre_xy[1]) * np.sin(angle)
    across = (y - centre_xy[1]) * np.cos(angle) - (x - centre_xy[0]) * np.sin(angle)
    half = size_px / 2
    if kind == "egg":  # blunter at one end
        inside = half * 0.72 * (1 + 0.25 * along / half)
        distance = (np.sqrt((along / half) ** 2 + (across / np.maximum(inside, 1e-3)) ** 2) - 1) * half * 0.8
    elif kind == "pill":
        distance = np.hypot(np.maximum(np.abs(along) - half * 0.62, 0), across) - half * 0.38
    else:
        arm = half * 0.3
        bars = [np.maximum(np.abs(a) - half, np.abs(b) - arm) for a, b in ((along, across), (across, along))]
        distance = np.minimum(*bars)
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)


def _paint(canvas: Picture, mask: NDArray[np.float32], paint: tuple[int, int, int], rng: np.random.Generator) -> None:
    """Paint the shape in place, lit from one side."""
    rows, columns = np.nonzero(mask)
    y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]].astype(np.float32)
    towards = rng.uniform(0, 2 * np.pi)
    side = (x - columns.mean()) * np.cos(towards) + (y - rows.mean()) * np.sin(towards)
    light = np.clip(0.8 + 0.35 * side / max(float(np.abs(side[rows, columns]).max()), 1.0), 0.3, 1.2)[..., None]
    lit = np.clip(np.array(paint, np.float32) * light, 0, 255)
    canvas[:] = (canvas * (1 - mask[..., None]) + lit * mask[..., None]).astype(np.uint8)


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
