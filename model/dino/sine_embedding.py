"""Sine position embeddings of maps, boxes and tokens.

Letters: B picture, C channel, H W pixels, Q query, T token.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cuda.size_cache import cached


@cached(16)
def map_embedding(height: int, width: int, channels: int, device: torch.device, temperature: float = 20.0) -> Tensor:
    """(C, H, W) fp32: the first half of the channels encodes y, the second x, each in 0..2 pi over the map.

    Cached per size: do not modify it.
    """
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        return _map_embedding(height, width, channels, device, temperature)


def _map_embedding(height: int, width: int, channels: int, device: torch.device, temperature: float) -> Tensor:
    half = channels // 2
    scale = 2 * math.pi
    eps = 1e-6
    y_H = torch.arange(1, height + 1, device=device, dtype=torch.float32) / (height + eps) * scale
    x_W = torch.arange(1, width + 1, device=device, dtype=torch.float32) / (width + eps) * scale
    y_HC = _waves(y_H, half, temperature)
    x_WC = _waves(x_W, half, temperature)
    both = torch.cat(
        [y_HC[:, None].expand(height, width, half), x_WC[None].expand(height, width, half)],
        dim=-1,
    )
    return both.permute(2, 0, 1)


def box_embedding(boxes_BQ4: Tensor, channels: int) -> Tensor:
    """(B, Q, 2 * channels) of cx cy w h in 0..1, in the original's order y, x, w, h."""
    # Not indexed by a list: a GPU would wait for it.
    yxwh_BQ4 = torch.cat([boxes_BQ4[..., :2].flip(-1), boxes_BQ4[..., 2:]], -1) * (2 * math.pi)
    return _waves(yxwh_BQ4, channels // 2, 10000.0).flatten(-2)


def word_embedding(positions_BT: Tensor, channels: int) -> Tensor:
    """(B, T, C) of each token's position within its phrase."""
    return _waves(positions_BT.float() * (2 * math.pi), channels, 10000.0)


def _waves(value: Tensor, channels: int, temperature: float) -> Tensor:
    """Interleaved sine and cosine, at `channels` / 2 wavelengths. (...) -> (..., channels)."""
    angles = value[..., None].float() / _wavelengths(channels, value.device, temperature)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


@cached(16)
def _wavelengths(channels: int, device: torch.device, temperature: float) -> Tensor:
    with torch.inference_mode(mode=False):
        return temperature ** (2 * torch.arange(channels // 2, device=device, dtype=torch.float32) / channels)
