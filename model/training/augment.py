"""Augmentation of rendered scenes: crop, mirror, light, blur and compression.

Coordinates: `boxes_xyxy` are px of the argument picture, or of the returned one.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CutView:
    """A crop of a picture at the network's size.

    Args:
        picture: (H, W, 3) uint8 RGB; black beyond the stored picture's edge.
        valid_xy: the fractions of the width and height that the picture fills, 0..1.
        boxes_xyxy: (n, 4) px of `picture`, clipped to it.
        visible_fraction: (n,) the fraction of each box's area that remains, 0..1.
    """

    picture: Picture
    valid_xy: tuple[float, float]
    boxes_xyxy: Boxes
    visible_fraction: NDArray[np.float32]


def cut(
    picture: Picture, boxes_xyxy: Boxes, size_hw: tuple[int, int], scale: float, rng: np.random.Generator
) -> CutView:
    """A random window, scaled by `scale`. A window larger than the picture is padded on the right and below."""
    height, width = size_hw
    have_h, have_w = picture.shape[:2]
    want_h, want_w = height / scale, width / scale
    top = rng.uniform(0, max(have_h - want_h, 0.0))
    left = rng.uniform(0, max(have_w - want_w, 0.0))
    shown = window(picture, (left, top), scale, size_hw)
    valid_h, valid_w = min(have_h * scale, height), min(have_w * scale, width)
    shown[round(valid_h) :] = 0
    shown[:, round(valid_w) :] = 0
    moved = (boxes_xyxy - np.array([left, top, left, top], np.float32)) * scale
    inside = moved.copy()
    inside[:, 0::2] = inside[:, 0::2].clip(0, valid_w)
    inside[:, 1::2] = inside[:, 1::2].clip(0, valid_h)
    visible_fraction = box_areas(inside) / np.maximum(box_areas(moved), 1e-6)
    return CutView(shown, (valid_w / width, valid_h / height), inside, visible_fraction)


def window(picture: Picture, corner_xy: tuple[float, float], scale: float, size_hw: tuple[int, int]) -> Picture:
    """The scaled content of a window with its top left corner at `corner_xy`; outside, the edge is repeated."""
    left, top = corner_xy
    window_from_picture = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float64)
    # Pixel centres are at half coordinates: without this the picture shifts against its boxes.
    window_from_picture[:, 2] += 0.5 * scale - 0.5
    height, width = size_hw
    shown = cv2.warpAffine(
        picture, window_from_picture, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(shown, np.uint8)


def mirror(view: CutView) -> CutView:
    """Mirror left and right; only for a view without padding on the right."""
    width = view.picture.shape[1]
    boxes = view.boxes_xyxy.copy()
    boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
    return CutView(np.ascontiguousarray(view.picture[:, ::-1]), view.valid_xy, boxes, view.visible_fraction)


def disturb(picture: Picture, rng: np.random.Generator) -> Picture:
    """Distortions of cameras and codecs, limited so that a colour keeps its name."""
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.94, 1.06, 3)
    lift = rng.uniform(-12, 12)
    gamma = rng.uniform(0.8, 1.25)
    ramp = np.arange(256, dtype=np.float64)[:, None]
    table = (255 * (np.clip(ramp * gain + lift, 0, 255) / 255) ** gamma).astype(np.uint8)
    picture = np.asarray(cv2.LUT(picture, table.reshape(256, 1, 3)), np.uint8)
    if rng.random() < 0.25:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.0)), np.uint8)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(1, 7), picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(35, 95))
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return picture


def box_areas(boxes: Boxes) -> NDArray[np.float32]:
    """(n,) areas of (n, 4) boxes as corners; 0 for a box whose corners are swapped."""
    return (boxes[:, 2] - boxes[:, 0]).clip(0) * (boxes[:, 3] - boxes[:, 1]).clip(0)
