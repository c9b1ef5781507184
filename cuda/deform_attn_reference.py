"""Multi-scale deformable attention in plain PyTorch: what correct means.

Letters as in deform_attn.py; X stands for B * N.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .size_cache import cached

_OUTSIDE = -9.0  # outside every map in grid_sample's coordinates; it does not define NaN


def deform_attn_reference(
    value_BSND: Tensor,
    shapes: Sequence[tuple[int, int]],
    reference_BQLX: Tensor,
    projected_BQX: Tensor,
    points: int,
) -> Tensor:
    """See `deform_attn`. Differentiable; any device and floating dtype.

    Computes in fp32, or in fp64 where the value is fp64: in bf16 a point at the far edge of a wide picture would be
    off by whole pixels.
    """
    B, _, N, D = value_BSND.shape
    Q = projected_BQX.shape[1]
    dtype = torch.promote_types(value_BSND.dtype, torch.float32)
    samples = N * len(shapes) * points
    offsets_BQX, logits_BQX = projected_BQX.to(dtype).split([samples * 2, samples], dim=-1)
    offsets_BQNLP2 = offsets_BQX.reshape(B, Q, N, len(shapes), points, 2)
    weights_BQNK = logits_BQX.reshape(B, Q, N, -1).softmax(-1)
    grids_BQNLP2 = 2.0 * _places(reference_BQLX.to(dtype), offsets_BQNLP2, tuple(shapes)) - 1.0  # -1 to 1
    grids_BQNLP2 = grids_BQNLP2.nan_to_num(nan=_OUTSIDE, posinf=_OUTSIDE, neginf=_OUTSIDE)
    sampled: list[Tensor] = []
    for level, map_BSND in enumerate(value_BSND.to(dtype).split([h * w for h, w in shapes], dim=1)):
        height, width = shapes[level]
        map_XDHW = map_BSND.permute(0, 2, 3, 1).reshape(B * N, D, height, width)
        grid_XQP2 = grids_BQNLP2[:, :, :, level].transpose(1, 2).reshape(B * N, Q, points, 2)
        sampled.append(F.grid_sample(map_XDHW, grid_XQP2, "bilinear", "zeros", align_corners=False))
    weights_X1QK = weights_BQNK.transpose(1, 2).reshape(B * N, 1, Q, -1)
    out_XDQ = (torch.cat(sampled, dim=-1) * weights_X1QK).sum(-1)
    return out_XDQ.view(B, N * D, Q).transpose(1, 2).to(value_BSND.dtype).contiguous()


def _places(reference_BQLX: Tensor, offsets_BQNLP2: Tensor, shapes: tuple[tuple[int, int], ...]) -> Tensor:
    """(B, Q, N, L, P, 2): x, y in 0..1 of each level's map."""
    reference_BQ1L1X = reference_BQLX[:, :, None, :, None]
    if reference_BQLX.shape[-1] == 4:
        steps_BQNLP2 = offsets_BQNLP2 / offsets_BQNLP2.shape[4] * reference_BQ1L1X[..., 2:] * 0.5
    else:
        steps_BQNLP2 = offsets_BQNLP2 / _cell_counts(shapes, offsets_BQNLP2.device)[:, None]
    return reference_BQ1L1X[..., :2] + steps_BQNLP2


@cached(32)
def _cell_counts(shapes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """(L, 2) fp32: width and height of each level's map. Cached per size."""
    with torch.inference_mode(mode=False):  # a cached tensor may be used in training later
        return torch.tensor([(width, height) for height, width in shapes], dtype=torch.float32, device=device)
