# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
"""Multi-scale deformable attention in plain PyTorch: what correct means.

Letters as in deform_attn.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def deform_attn_reference(
    value_BSND: Tensor, shapes: Sequence[tuple[int, int]], locations_BQNLP2: Tensor, weights_BQNLP: Tensor
) -> Tensor:
    """See `deform_attn`. Differentiable; any device and floating dtype."""
    B, _, N, D = value_BSND.shape
    Q, P = locations_BQNLP2.shape[1], locations_BQNLP2.shape[4]
    grids_BQNLP2 = 2.0 * locations_BQNLP2 - 1.0  # grid_sample counts from -1 to 1
    sampled: list[Tensor] = []
    for level, map_BSND in enumerate(value_BSND.split([h * w for h, w in shapes], dim=1)):
        height, width = shapes[level]
        map_XDHW = map_BSND.permute(0, 2, 3, 1).reshape(B * N, D, height, width)
        grid_XQP2 = grids_BQNLP2[:, :, :, level].transpose(1, 2).reshape(B * N, Q, P, 2)
        grid_XQP2 = grid_XQP2.to(map_XDHW.dtype)
        sampled.append(F.grid_sample(map_XDHW, grid_XQP2, "bilinear", "zeros", align_corners=False))
    sampled_XDQK = torch.cat(sampled, dim=-1)
    weights_X1QK = weights_BQNLP.transpose(1, 2).reshape(B * N, 1, Q, -1).to(sampled_XDQK.dtype)
    out_XDQ = (sampled_XDQK * weights_X1QK).sum(-1)
    return out_XDQ.view(B, N * D, Q).transpose(1, 2).contiguous()
