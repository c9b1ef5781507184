"""Deformable attention as a layer: where to look, how much, and the projections around the kernel.

Letters: B picture, S flattened pixels, C channel, Q query, N head, D channels of a head, L level, P point.
Source: Deformable DETR (https://arxiv.org/abs/2010.04159).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from ..cuda.deform_attn import deform_attn


@lru_cache(maxsize=32)
def cell_counts(shapes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """(L, 2) fp32: width and height of each level's map. Kept per size."""
    with torch.inference_mode(mode=False):  # what is kept may be used in training later
        return torch.tensor([(width, height) for height, width in shapes], dtype=torch.float32, device=device)


class DeformableAttention(nn.Module):
    """Each query samples `points` places on every level, near its reference box."""

    def __init__(self, width: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(width, heads * levels * points * 2)
        self.attention_weights = nn.Linear(width, heads * levels * points)
        self.value_proj = nn.Linear(width, width)
        self.output_proj = nn.Linear(width, width)
        self._look_around()

    def forward(
        self,
        query_BQC: Tensor,
        reference_BQLX: Tensor,
        memory_BSC: Tensor,
        shapes: Sequence[tuple[int, int]],
        padding_BS: Tensor | None = None,
    ) -> Tensor:
        """What each query gathers.

        Args:
            reference_BQLX: a box, cx cy w h in 0..1 of each level's map, that offsets are measured by; or a place,
                x y, whose offsets are cells.
            padding_BS: True where no picture is.
        """
        B, Q, _ = query_BQC.shape
        N, L, P = self.heads, self.levels, self.points
        value_BSC = self.value_proj(memory_BSC)
        if padding_BS is not None:
            value_BSC = value_BSC.masked_fill(padding_BS[..., None], 0.0)
        offsets_BQNLP2 = self.sampling_offsets(query_BQC).view(B, Q, N, L, P, 2).float()
        weights = self.attention_weights(query_BQC).view(B, Q, N, L * P).float()
        weights_BQNLP = weights.softmax(-1).view(B, Q, N, L, P)
        reference_BQ1L1X = reference_BQLX.float()[:, :, None, :, None]
        if reference_BQLX.shape[-1] == 4:
            steps_BQNLP2 = offsets_BQNLP2 / P * reference_BQ1L1X[..., 2:] * 0.5
        else:
            steps_BQNLP2 = offsets_BQNLP2 / cell_counts(tuple(shapes), offsets_BQNLP2.device)[:, None]
        locations_BQNLP2 = reference_BQ1L1X[..., :2] + steps_BQNLP2
        sampled_BQC = deform_attn(value_BSC.unflatten(-1, (N, -1)), shapes, locations_BQNLP2, weights_BQNLP)
        return self.output_proj(sampled_BQC)

    @torch.no_grad()
    def _look_around(self) -> None:
        """Begin as Deformable DETR does: head n looks in direction n, point p at p + 1 steps."""
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
