"""Textures: grey patterns for floors, tables and walls: noise, wood, tiles, stripes."""

# numpy 1.26 leaves the types of Generator.integers open.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TEXTURE_SIZE_PX = 128
TEXTURE_COUNT = 24


def make_textures() -> list[NDArray[np.uint8]]:
    """Patterns with a fixed seed: (128, 128, 3), bright, for tinting with a colour."""
    return [_make_texture(np.random.default_rng([77, i]), i % 6) for i in range(TEXTURE_COUNT)]


def _make_texture(rng: np.random.Generator, style: int) -> NDArray[np.uint8]:
    size = TEXTURE_SIZE_PX
    rows, columns = np.mgrid[0:size, 0:size]
    depth = float(rng.uniform(0.12, 0.5))
    if style == 0:
        grey = _noise(rng, 4, 4) * 0.5 + _noise(rng, 16, 16) * 0.3 + _noise(rng, 64, 64) * 0.2
    elif style == 1:  # wood: noise stretched along the grain
        grey = _noise(rng, 3, 24) * 0.5 + _noise(rng, 4, 64) * 0.5
    elif style == 2:
        cell = int(rng.choice([16, 32, 64]))
        grey = ((rows // cell + columns // cell) % 2).astype(np.float64)
    elif style == 3:  # tiles with joints
        cell, joint = int(rng.choice([32, 64])), int(rng.integers(1, 4))
        grey = 1.0 - ((rows % cell < joint) | (columns % cell < joint)) * 1.0
        grey = grey * 0.8 + _noise(rng, 8, 8) * 0.2
    elif style == 4:
        period = int(rng.choice([8, 16, 32]))
        grey = (columns % period < period * rng.uniform(0.3, 0.7)).astype(np.float64)
    else:
        grey = (rng.random((size, size)) > rng.uniform(0.6, 0.95)).astype(np.float64)
        grey = cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(0.5, 1.5)))
        grey /= grey.max()
    picture = np.clip((1.0 - depth * grey) * 255, 0, 255).astype(np.uint8)
    return np.repeat(picture[:, :, None], 3, 2)


def _noise(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    """Smooth noise with `rows` x `columns` bumps, 0..1."""
    small = rng.random((rows, columns))
    large = cv2.resize(small, (TEXTURE_SIZE_PX, TEXTURE_SIZE_PX), interpolation=cv2.INTER_CUBIC)
    low, high = float(large.min()), float(large.max())
    return (large - low) / (high - low)
