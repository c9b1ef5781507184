"""Integer resizing filters: the input pixels and weights of each resized pixel.

PyTorch resizes uint8 pictures in integers too; these weights reproduce it bit for bit.
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

_MAX_BITS = 22  # 255 times the sum of a pixel's weights then fits into 32 bits
_WEIGHT_BITS = 15


@dataclass(frozen=True, slots=True)
class Taps:
    """Filter of one axis. N resized pixels, each a weighted sum of at most K input pixels.

    Args:
        first_N: int32, the first input pixel of each.
        weights_KN: int32, weights of that pixel and the following ones, in units of 2 ** -bits; 0 where fewer are used.
    """

    first_N: Tensor
    weights_KN: Tensor
    bits: int


@lru_cache(maxsize=64)
def filter_taps(length: int, output_length: int, kind: Filter, device: torch.device) -> Taps:
    """The filter from `length` pixels to `output_length`. Cached per size.

    Args:
        kind: 'bilinear' widens with the scale where the picture shrinks (antialias), as PyTorch's `interpolate` does;
            'area' is the mean over the area of a pixel, as OpenCV's INTER_AREA, and bilinear where the picture grows.
    """
    weights_of = _area_weights if kind == "area" and output_length < length else _bilinear_weights
    first_N, weights_NK = weights_of(length, output_length)
    bits = _fitting_bits(float(weights_NK.max()))
    rounded_KN = np.floor(weights_NK.T * (1 << bits) + 0.5).astype(np.int32)
    first = torch.from_numpy(first_N.astype(np.int32)).to(device)
    return Taps(first, torch.from_numpy(np.ascontiguousarray(rounded_KN)).to(device), bits)


def _bilinear_weights(length: int, output_length: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """PyTorch's `_compute_indices_min_size_weights_aa` (aten/src/ATen/native/cpu/UpSampleKernel.cpp)."""
    scale = length / output_length
    support = max(scale, 1.0)
    centre_N = scale * (np.arange(output_length) + 0.5)
    first_N = np.maximum((centre_N - support + 0.5).astype(np.int64), 0)
    last_N = np.minimum((centre_N + support + 0.5).astype(np.int64), length)
    pixels_NK = first_N[:, None] + np.arange((last_N - first_N).max())
    weights_NK = np.maximum(1.0 - np.abs((pixels_NK - centre_N[:, None] + 0.5) / support), 0.0)
    weights_NK[pixels_NK >= last_N[:, None]] = 0.0
    return first_N, weights_NK / weights_NK.sum(1, keepdims=True)


def _area_weights(length: int, output_length: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The overlap of each input pixel with each resized one, counted in integers so that it is exact."""
    begin_N, end_N = (
        np.arange(output_length) * length,
        np.arange(1, output_length + 1) * length,
    )  # in 1 / wanted of a pixel
    first_N = begin_N // output_length
    pixels_NK = first_N[:, None] + np.arange((-(-end_N // output_length) - first_N).max())
    within_NK = np.minimum(end_N[:, None], (pixels_NK + 1) * output_length) - np.maximum(
        begin_N[:, None], pixels_NK * output_length
    )
    return first_N, np.maximum(within_NK, 0) / length


def _fitting_bits(max_weight: float) -> int:
    """The most bits with which the largest weight still fits into 16 bits with its sign."""
    bits = 0
    while bits < _MAX_BITS and int(0.5 + max_weight * (1 << (bits + 1))) < 1 << _WEIGHT_BITS:
        bits += 1
    return bits
