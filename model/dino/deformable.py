"""The deformable attention layer: sampling offsets, attention weights, and the projections around the kernel.

Letters: B picture, S flattened pixels, C channel, Q query, N head, D channels of a head, L level, P point.
Source: Deformable DETR (https://arxiv.org/abs/2010.04159).
"""

# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...cuda.deform_attn import deform_attn


class DeformableAttention(nn.Module):
    """Each query samples `points` points on every level, near its reference box."""

    def __init__(self, width: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.joined: nn.Linear | None = None
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)
        self._initialise()

    def forward(
        self,
        query_BQC: Tensor,
        reference_BQLX: Tensor,
        memory_BSC: Tensor,
        shapes: Sequence[tuple[int, int]],
        padding_BS: Tensor | None = None,
        value_BSC: Tensor | None = None,
    ) -> Tensor:
        """The weighted sum of each query's samples, projected.

        Args:
            reference_BQLX: a box, cx cy w h in 0..1 of each level's map, which scales the offsets; or a point x y, with
                offsets in cells.
            padding_BS: True in the padding.
            value_BSC: the output of `value_proj`, if it was computed already.
        """
        values_BSC: Tensor = self.value_proj(memory_BSC) if value_BSC is None else value_BSC
        if padding_BS is not None:
            values_BSC = values_BSC.masked_fill(padding_BS[..., None], 0.0)
        value_BSND = values_BSC.unflatten(-1, (self.heads, -1))
        projected_BQX = self._project(query_BQC)
        return self.output_proj(deform_attn(value_BSND, shapes, reference_BQLX, projected_BQX, self.points))

    @torch.no_grad()
    def join(self) -> None:
        """Join the two projections of a query into one, for inference only. A second call does nothing."""
        if self.joined is not None:
            return
        both = self.sampling_offsets, self.attention_weights
        weight, bias = torch.cat([one.weight for one in both]), torch.cat([one.bias for one in both])
        joined = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
        joined.weight.copy_(weight)
        joined.bias.copy_(bias)
        self.joined = joined
        del self.sampling_offsets, self.attention_weights

    def _project(self, query_BQC: Tensor) -> Tensor:
        """All sampling offsets (N, L, P, 2), then all attention logits (N, L, P)."""
        if self.joined is not None:
            return self.joined(query_BQC)
        return torch.cat([self.sampling_offsets(query_BQC), self.attention_weights(query_BQC)], dim=-1)

    @torch.no_grad()
    def _initialise(self) -> None:
        """As Deformable DETR: head n samples in direction n, point p at p + 1 steps."""
        nn.init.zeros_(self.sampling_offsets.weight)
        angles = torch.arange(self.heads) * (2.0 * math.pi / self.heads)
        directions_N2 = torch.stack([angles.cos(), angles.sin()], -1)
        directions_N2 = directions_N2 / directions_N2.abs().max(-1, keepdim=True).values
        steps_P = torch.arange(1, self.points + 1)
        grid = directions_N2[:, None, None] * steps_P[None, None, :, None]
        self.sampling_offsets.bias.copy_(grid.expand(-1, self.levels, -1, -1).flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        nn.init.xavier_uniform_(self.value_proj.weight)
        nn.init.xavier_uniform_(self.output_proj.weight)
        nn.init.zeros_(self.value_proj.bias)
        nn.init.zeros_(self.output_proj.bias)
