"""Losses: focal, L1 and GIoU on every decoder layer and on the proposals.

Letters: B picture, Q query, K noised query, T token, G true boxes of a picture, N pairs in the batch.
Sources: focal loss https://arxiv.org/abs/1708.02002; the weights are Grounding DINO's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..dino.grounding_dino import Enhanced, Output
from .boxes import corners, paired_generalised_iou
from .denoising import Noised
from .matching import MatchingCosts, Truth, match


@dataclass(frozen=True, slots=True)
class LossWeights:
    """The weights of the losses."""

    classes: float = 2.0
    l1: float = 5.0
    giou: float = 2.0
    dense: float = 0.0
    costs: MatchingCosts = field(default_factory=MatchingCosts)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The queries that are matched to true boxes. N pairs.

    Args:
        pictures_N, queries_N: the picture and row of each query.
        boxes_N4, answers_NT: its targets.
        counts_BQ: the weight of each query of the batch, matched or not.
    """

    pictures_N: Tensor
    queries_N: Tensor
    boxes_N4: Tensor
    answers_NT: Tensor
    counts_BQ: Tensor


@dataclass(frozen=True, slots=True)
class _Words:
    """The tokens that the loss counts.

    Args:
        no_word_BT: True for special tokens and padding, which count for no query.
        unknown_BT: True for tokens that count for matched queries alone: a true box is known to be something else,
            but another object, which has no box, may match the token.
    """

    no_word_BT: Tensor
    unknown_BT: Tensor


def detection_loss(
    output: Output, truths: Sequence[Truth], weights: LossWeights, size: float, noised: Noised | None = None
) -> dict[str, Tensor]:
    """The losses by name; their sum, 'total', is minimised.

    Args:
        output: the results of every layer.
        truths: one per picture.
        size: the number of true boxes by which the loss is divided: the mean over all batches whose gradients are
            summed, so that the sum equals that of one large batch.
        noised: the extra queries' boxes, if there are any.
    """
    enhanced, costs = output.enhanced, weights.costs
    truths = _measured_alike(truths, enhanced)
    words = _Words(enhanced.no_word_BT, _unknown(truths, enhanced.no_word_BT))

    def cost(logits_BQT: Tensor, boxes_BQ4: Tensor, pairs: _Pairs) -> dict[str, Tensor]:
        return _layer_loss(logits_BQT, enhanced.picture_from_input(boxes_BQ4), pairs, words, size)

    def matched(logits_BQT: Tensor, boxes_BQ4: Tensor) -> dict[str, Tensor]:
        pairs = _matched(logits_BQT, enhanced.picture_from_input(boxes_BQ4), truths, costs)
        return cost(logits_BQT, boxes_BQ4, pairs)

    layers = [matched(logits, boxes) for logits, boxes in zip(output.logits, output.boxes, strict=True)]
    proposed = matched(output.selected.logits_BQT, output.selected.boxes_BQ4)
    mended: list[dict[str, Tensor]] = []
    if noised is not None:
        pairs = _noised_pairs(noised, truths)
        answers = zip(output.extra_logits, output.extra_boxes, strict=True)
        mended = [cost(logits, boxes, pairs) for logits, boxes in answers]
    every = torch.stack(
        [
            weights.classes * part["class"] + weights.l1 * part["l1"] + weights.giou * part["giou"]
            for part in (*layers, proposed, *mended)
        ]
    )
    named = {"": layers[-1], "proposal_": proposed, **({"noised_": mended[-1]} if mended else {})}
    shown = {prefix + name: value for prefix, part in named.items() for name, value in part.items()}
    return {"total": every.sum(), **shown}


def _measured_alike(truths: Sequence[Truth], enhanced: Enhanced) -> list[Truth]:
    """Truths in the body's own coordinates, so that the cost of a distance does not depend on the batch's padding."""
    ones_B14 = torch.ones(len(truths), 1, 4, device=enhanced.no_word_BT.device)
    scales_B4 = enhanced.picture_from_input(ones_B14)[:, 0]
    return [replace(truth, boxes_G4=truth.boxes_G4 * scale) for truth, scale in zip(truths, scales_B4, strict=True)]


def _unknown(truths: Sequence[Truth], no_word_BT: Tensor) -> Tensor:
    unknown_BT = torch.zeros_like(no_word_BT)
    for row, truth in enumerate(truths):
        if truth.unknown_T is not None:
            unknown_BT[row] = truth.unknown_T
    return unknown_BT


def _matched(logits_BQT: Tensor, boxes_BQ4: Tensor, truths: Sequence[Truth], costs: MatchingCosts) -> _Pairs:
    counts_BQ = torch.ones(logits_BQT.shape[:2], device=logits_BQT.device)
    return _paired(match(logits_BQT, boxes_BQ4, truths, costs), truths, counts_BQ)


def _noised_pairs(noised: Noised, truths: Sequence[Truth]) -> _Pairs:
    """Near copies are matched to their true boxes, and all groups of a picture together weigh as one."""
    pairs: list[tuple[Tensor, Tensor]] = []
    for truth_K in noised.truth_BK:
        queries = torch.nonzero(truth_K >= 0)[:, 0]
        pairs.append((queries, truth_K[queries]))
    groups_B1 = noised.group_BK.amax(1, keepdim=True) + 1
    return _paired(pairs, truths, (noised.group_BK >= 0) / groups_B1.clamp(min=1))


def _paired(pairs: Sequence[tuple[Tensor, Tensor]], truths: Sequence[Truth], counts_BQ: Tensor) -> _Pairs:
    """The pairs from each picture's rows of queries and true boxes."""
    return _Pairs(
        torch.cat([torch.full_like(queries, picture) for picture, (queries, _) in enumerate(pairs)]),
        torch.cat([queries for queries, _ in pairs]),
        torch.cat([truth.boxes_G4[own] for truth, (_, own) in zip(truths, pairs, strict=True)]),
        torch.cat([truth.answers_GT[own] for truth, (_, own) in zip(truths, pairs, strict=True)]),
        counts_BQ,
    )


def _layer_loss(logits_BQT: Tensor, boxes_BQ4: Tensor, pairs: _Pairs, words: _Words, count: float) -> dict[str, Tensor]:
    wanted_BQT = torch.zeros_like(logits_BQT)
    wanted_BQT[pairs.pictures_N, pairs.queries_N] = pairs.answers_NT.to(wanted_BQT.dtype)
    found_N4 = boxes_BQ4[pairs.pictures_N, pairs.queries_N]
    counts_N = pairs.counts_BQ[pairs.pictures_N, pairs.queries_N]
    overlap_N = paired_generalised_iou(corners(found_N4), corners(pairs.boxes_N4))
    stands_BQ = torch.zeros_like(pairs.counts_BQ, dtype=torch.bool)
    stands_BQ[pairs.pictures_N, pairs.queries_N] = True
    judged_BQT = (stands_BQ[:, :, None] | ~words.unknown_BT[:, None]) & ~words.no_word_BT[:, None]
    counts_BQT = pairs.counts_BQ[:, :, None] * judged_BQT
    return {
        "class": _focal(logits_BQT, wanted_BQT, counts_BQT) / count,
        "l1": ((found_N4 - pairs.boxes_N4).abs().sum(-1) * counts_N).sum() / count,
        "giou": ((1 - overlap_N) * counts_N).sum() / count,
    }


def _focal(logits: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """The sum of focal losses (alpha 0.25, gamma 2), each times `counts`."""
    logits = logits.masked_fill(counts == 0, 0.0)
    probability = logits.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    wrong = probability * (1 - wanted) + (1 - probability) * wanted
    alpha = 0.25 * wanted + 0.75 * (1 - wanted)
    return (alpha * wrong**2 * cross_entropy * counts).sum()
