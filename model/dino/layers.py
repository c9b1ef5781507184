"""Small parts that several boxes of the model are made of.

Letters: B picture, C channel, Q query, T token (or any key), N head, D channels of a head.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

# What is between a layer's steps stays in the cache: 512 rows of 2,048 channels in fp32, twice as many in bf16.
PIECE_BYTES = 4 << 20


class Attention(nn.Module):
    """Multi-head attention with its four projections apart."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, query_BQC: Tensor, key_BTC: Tensor, value_BTC: Tensor, bias: Tensor | None = None) -> Tensor:
        """`bias` is added to the scores (0 or a large negative number); it must broadcast to (B, N, Q, T)."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(query_BQC), self.key(key_BTC), self.value(value_BTC))
        )
        if bias is not None:
            bias = bias.to(q.dtype)
        attended_BNQD = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.out(attended_BNQD.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers, a residual and the norm after it."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.fc1 = nn.Linear(width, hidden)
        self.activation = nn.ReLU(inplace=True)
        self.fc2 = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return in_pieces(self._whole, x, self.hidden)

    def _whole(self, x: Tensor) -> Tensor:
        return self.norm(x + self.fc2(self.activation(self.fc1(x))))


def in_pieces(layer: Callable[[Tensor], Tensor], x: Tensor, widest: int) -> Tensor:
    """What a layer that treats every row (the last dimension) alike makes of many rows; the shape stays.

    On a CPU, without gradients, some rows at a time: what is between the layer's steps then stays in the cache. The
    same numbers, in three fifths of the time for 8,500 rows of 256 -> 2,048 -> 256 channels.

    Args:
        widest: the most channels that a row has within the layer.
    """
    rows = x.flatten(0, -2)
    piece = max(1, PIECE_BYTES // (widest * x.element_size()))
    if torch.is_grad_enabled() or x.device.type != "cpu" or rows.shape[0] <= piece:
        return layer(x)
    out = torch.empty_like(rows)
    for own, some in zip(out.split(piece), rows.split(piece), strict=True):
        own.copy_(layer(some))
    return out.view_as(x)


class Recomputed(nn.Module):
    """Layers whose insides training forgets and computes again on the way back: less memory for more time."""

    def __init__(self) -> None:
        super().__init__()
        self.recompute = False

    def run(self, layer: Callable[..., Any], *inputs: object) -> Any:
        """What the layer makes of its inputs."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(layer, *inputs, use_reentrant=False)
        return layer(*inputs)


class MLP(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, width_in: int, width: int, width_out: int, layers: int) -> None:
        super().__init__()
        sizes = [width_in, *[width] * (layers - 1), width_out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


def inverse_sigmoid(x: Tensor, eps: float = 1e-5) -> Tensor:
    """The logit, finite at 0 and 1. fp32, since boxes lose whole pixels in half precision."""
    x = x.float().clamp(0.0, 1.0)
    return torch.log(x.clamp(min=eps) / (1.0 - x).clamp(min=eps))


def lowest(dtype: torch.dtype) -> float:
    """What to add to a score that must not count: finite, so that a row without any key stays finite."""
    return torch.finfo(dtype).min
