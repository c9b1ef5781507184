"""Box arithmetic: conversions and overlaps.

Letters: G true boxes, Q queries (any two sets of boxes).
"""

from __future__ import annotations

import torch
from torch import Tensor


def corners(boxes_Q4: Tensor) -> Tensor:
    """cx cy w h -> x1 y1 x2 y2."""
    centre, half = boxes_Q4[..., :2], boxes_Q4[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def generalised_iou(a_Q4: Tensor, b_G4: Tensor) -> Tensor:
    """(Q, G) in -1..1 for boxes as corners. Source: https://arxiv.org/abs/1902.09630."""
    return _generalised(a_Q4[:, None], b_G4[None])


def paired_generalised_iou(a_G4: Tensor, b_G4: Tensor) -> Tensor:
    """(G,): the generalised IoU of each pair of rows."""
    return _generalised(a_G4, b_G4)


def _generalised(a: Tensor, b: Tensor) -> Tensor:
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    outer = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    union = _area(a) + _area(b) - inner
    return inner / union.clamp(min=1e-9) - (outer - union) / outer.clamp(min=1e-9)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
