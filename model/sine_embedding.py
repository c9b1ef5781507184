"""Sine position embeddings of maps, of boxes and of words.

Letters: B picture, C channel, H W pixels, Q query, T token.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def map_embedding(height: int, width: int, channels: int, device: torch.device, temperature: float = 20.0) -> Tensor:
    """(C, H, W) fp32: the first half of the channels tells y, the second x, each in 0..2 pi over the map."""
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
    x, y, w, h = (boxes_BQ4 * (2 * math.pi)).unbind(-1)
    return torch.cat([_waves(part, channels // 2, 10000.0) for part in (y, x, w, h)], dim=-1)


def word_embedding(positions_BT: Tensor, channels: int) -> Tensor:
    """(B, T, C) of each token's place within its phrase."""
    return _waves(positions_BT.float() * (2 * math.pi), channels, 10000.0)


def _waves(value: Tensor, channels: int, temperature: float) -> Tensor:
    """Sine and cosine in turn, at `channels` / 2 wavelengths. (...) -> (..., channels)."""
    index = torch.arange(channels // 2, device=value.device, dtype=torch.float32)
    angles = value[..., None].float() / temperature ** (2 * index / channels)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
