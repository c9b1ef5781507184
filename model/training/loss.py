"""What the model pays for its answers: focal, L1 and GIoU on every decoder layer and on the proposals.

Letters: B picture, Q query, T token, G true boxes.
Sources: focal loss https://arxiv.org/abs/1708.02002; the weights are Grounding DINO's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from ..grounding_dino import Output
from .boxes import corners, paired_generalised_iou
from .matching import MatchingCosts, Truth, match


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each part counts, and how many proposals may stand for one true box."""

    classes: float = 2.0
    l1: float = 5.0
    giou: float = 2.0
    dense: float = 1.0
    proposals_per_truth: int = 4
    costs: MatchingCosts = field(default_factory=MatchingCosts)


def detection_loss(
    output: Output, truths: Sequence[Truth], no_word_BT: Tensor, weights: LossWeights
) -> dict[str, Tensor]:
    """The parts by name; their sum, under 'total', is what is minimised."""
    layers = [(logits, boxes, 1) for logits, boxes in zip(output.logits, output.boxes, strict=True)]
    layers.append((output.selected.logits_BQT, output.selected.boxes_BQ4, weights.proposals_per_truth))
    total = torch.zeros(())
    last: dict[str, Tensor] = {}
    for logits, boxes, per_truth in layers:
        part = _layer_loss(logits, boxes, truths, no_word_BT, weights, per_truth)
        total = total + weights.classes * part["class"] + weights.l1 * part["l1"] + weights.giou * part["giou"]
        if per_truth == 1:
            last = part
        else:
            last |= {f"proposal_{name}": value for name, value in part.items()}
    return {"total": total, **last}


def _layer_loss(
    logits_BQT: Tensor,
    boxes_BQ4: Tensor,
    truths: Sequence[Truth],
    no_word_BT: Tensor,
    weights: LossWeights,
    per_truth: int,
) -> dict[str, Tensor]:
    pairs = match(logits_BQT, boxes_BQ4, truths, weights.costs, per_truth)
    count = max(sum(len(rows) for rows, _ in pairs), 1)
    wanted_BQT = torch.zeros_like(logits_BQT)
    found: list[Tensor] = []
    true: list[Tensor] = []
    for picture, ((rows, columns), truth) in enumerate(zip(pairs, truths, strict=True)):
        wanted_BQT[picture, rows] = truth.answers_GT[columns].to(wanted_BQT.dtype)
        found.append(boxes_BQ4[picture, rows])
        true.append(truth.boxes_G4[columns])
    found_G4, true_G4 = torch.cat(found), torch.cat(true)
    overlap_G = paired_generalised_iou(corners(found_G4), corners(true_G4))
    return {
        "class": _focal(logits_BQT, wanted_BQT, ~no_word_BT[:, None]) / count,
        "l1": F.l1_loss(found_G4, true_G4, reduction="sum") / count,
        "giou": (1 - overlap_G).sum() / count,
    }


def _focal(logits: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """The summed focal loss (alpha 0.25, gamma 2) where `counts` is True."""
    logits = logits.masked_fill(~counts, 0.0)
    probability = logits.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    wrong = probability * (1 - wanted) + (1 - probability) * wanted
    alpha = 0.25 * wanted + 0.75 * (1 - wanted)
    return (alpha * wrong**2 * cross_entropy * counts).sum()
