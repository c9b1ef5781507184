"""Hungarian matching of queries to true boxes, as in DETR.

Letters: B picture, Q query, T token, G true boxes of one picture.
Source: DETR (https://arxiv.org/abs/2005.12872), section 3.1.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from .boxes import corners, generalised_iou

_NOT_A_NUMBER = 1e6  # the assignment accepts no NaN; the loss reports it


@dataclass(frozen=True, slots=True)
class Truth:
    """The true objects of one picture.

    Args:
        boxes_G4: cx cy w h in 0..1 of the network's input.
        answers_GT: True where the token belongs to a wording of the object.
        unknown_T: True where the token belongs to a wording that may be true of objects without a box. None: no token.
    """

    boxes_G4: Tensor
    answers_GT: Tensor
    unknown_T: Tensor | None = None

    def to(self, device: torch.device) -> Truth:
        unknown_T = None if self.unknown_T is None else self.unknown_T.to(device)
        return Truth(self.boxes_G4.to(device), self.answers_GT.to(device), unknown_T)


@dataclass(frozen=True, slots=True)
class MatchingCosts:
    """The weights of the matching cost: class, box (L1) and overlap (GIoU)."""

    classes: float = 2.0
    l1: float = 5.0
    giou: float = 2.0


@torch.no_grad()
def match(
    logits_BQT: Tensor, boxes_BQ4: Tensor, truths: Sequence[Truth], costs: MatchingCosts
) -> list[tuple[Tensor, Tensor]]:
    """Per picture: the rows of queries and of the true boxes they are matched to."""
    pairs: list[tuple[Tensor, Tensor]] = []
    for logits_QT, boxes_Q4, truth in zip(logits_BQT, boxes_BQ4, truths, strict=True):
        cost_QG = _cost(logits_QT, boxes_Q4, truth, costs)
        rows, columns = linear_sum_assignment(cost_QG.cpu().numpy())
        pairs.append((torch.as_tensor(rows), torch.as_tensor(columns)))
    return pairs


def _cost(logits_QT: Tensor, boxes_Q4: Tensor, truth: Truth, costs: MatchingCosts) -> Tensor:
    probability = logits_QT.sigmoid()
    # The focal loss of a positive label minus that of a negative one.
    yes = 0.25 * (1 - probability) ** 2 * -(probability + 1e-8).log()
    no = 0.75 * probability**2 * -(1 - probability + 1e-8).log()
    answers = truth.answers_GT.float()
    share_GT = answers / answers.sum(-1, keepdim=True).clamp(min=1)
    classes_QG = (yes - no) @ share_GT.T
    l1_QG = torch.cdist(boxes_Q4, truth.boxes_G4, p=1)
    giou_QG = generalised_iou(corners(boxes_Q4), corners(truth.boxes_G4))
    total_QG = costs.classes * classes_QG + costs.l1 * l1_QG - costs.giou * giou_QG
    return total_QG.nan_to_num(nan=_NOT_A_NUMBER)
