"""Resizing filters in whole numbers: how much of which pixels each resized pixel is made of.

PyTorch resizes uint8 pictures in whole numbers too, and with these it can be followed to the last bit.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Filter = Literal["bilinear", "area"]

_MAX_BITS = 22  # 255 times all weights of a pixel then fits into 32 bits
_WEIGHT_BITS = 15


@dataclass(frozen=True, slots=True)
class Taps:
    """One axis of a resized picture. N resized pixels, K pixels that each is made of at most.

    Args:
        first_N: int32, the first pixel of each.
        weights_KN: int32, of that pixel and those that follow, in units of 2 ** -bits; 0 where fewer are needed.
    """

    first_N: Tensor
    weights_KN: Tensor
    bits: int


@lru_cache(maxsize=64)
def filter_taps(length: int, wanted: int, kind: Filter, device: torch.device) -> Taps:
    """From `length` pixels to `wanted`. Kept per size.

    Args:
        kind: 'bilinear' widens with the step where the picture shrinks (antialias), as PyTorch's `interpolate` does;
            'area' is the mean of what a pixel covers, as OpenCV's INTER_AREA, and bilinear where the picture grows.
    """
    weigh = _covered if kind == "area" and wanted < length else _triangle
    first_N, weights_NK = weigh(length, wanted)
    bits = _bits(float(weights_NK.max()))
    whole_KN = np.floor(weights_NK.T * (1 << bits) + 0.5).astype(np.int32)
    first = torch.from_numpy(first_N.astype(np.int32)).to(device)
    return Taps(first, torch.from_numpy(np.ascontiguousarray(whole_KN)).to(device), bits)


def _triangle(length: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """PyTorch's `_compute_indices_min_size_weights_aa` (aten/src/ATen/native/cpu/UpSampleKernel.cpp)."""
    scale = length / wanted
    support = max(scale, 1.0)
    centre_N = scale * (np.arange(wanted) + 0.5)
    first_N = np.maximum((centre_N - support + 0.5).astype(np.int64), 0)
    last_N = np.minimum((centre_N + support + 0.5).astype(np.int64), length)
    pixels_NK = first_N[:, None] + np.arange((last_N - first_N).max())
    weights_NK = np.maximum(1.0 - np.abs((pixels_NK - centre_N[:, None] + 0.5) / support), 0.0)
    weights_NK[pixels_NK >= last_N[:, None]] = 0.0
    return first_N, weights_NK / weights_NK.sum(1, keepdims=True)


def _covered(length: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How much of each pixel lies within each resized one; in whole parts of a pixel, so that nothing is lost."""
    begin_N, end_N = np.arange(wanted) * length, np.arange(1, wanted + 1) * length  # in 1 / wanted of a pixel
    first_N = begin_N // wanted
    pixels_NK = first_N[:, None] + np.arange((-(-end_N // wanted) - first_N).max())
    within_NK = np.minimum(end_N[:, None], (pixels_NK + 1) * wanted) - np.maximum(begin_N[:, None], pixels_NK * wanted)
    return first_N, np.maximum(within_NK, 0) / length


def _bits(most: float) -> int:
    """As many as leave the greatest weight room in 16 bits with its sign."""
    bits = 0
    while bits < _MAX_BITS and int(0.5 + most * (1 << (bits + 1))) < 1 << _WEIGHT_BITS:
        bits += 1
    return bits
