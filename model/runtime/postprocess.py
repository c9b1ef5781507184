"""Postprocessing: from the network's logits and boxes to detections.

Letters: Q query, T token, W wording, P phrase, K candidate box.
"""

# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..detections import Detections
from ..dino.tokenizer import TokenizedPrompt
from ..prompt import Prompt
from .preprocess import InputSize

ScoreRule = Literal["mean", "max"]

_MAX_PAIRS = 300


@dataclass(frozen=True, slots=True)
class ReportRules:
    """Which boxes are reported.

    Args:
        threshold: the minimum score, unless the phrase states its own.
        score_rule: a wording's score is the mean or the maximum of its tokens' scores.
        nms_iou: of two boxes with a higher IoU, the better is kept. None keeps both.
        agnostic_nms: suppress across phrases too; else only within one phrase.
        one_phrase: each query reports its best phrase alone; else the 300 best pairs of query and phrase are reported,
            as average precision is measured.
    """

    threshold: float = 0.3
    score_rule: ScoreRule = "mean"
    nms_iou: float | None = None
    agnostic_nms: bool = False
    one_phrase: bool = True


@dataclass(frozen=True, slots=True)
class WordingSpans:
    """The tokens of each wording of a caption, on the network's device. W wordings, T tokens, P phrases.

    Args:
        spans_WT: true where the token is part of the wording.
        share_WT: the token's weight in the wording's mean, fp32.
        phrase_W: the index in `prompt.phrases` that the wording belongs to.
        row_W: the same, counted among the phrases that occur in the caption.
        phrases_P: the indices of those that occur.
    """

    spans_WT: Tensor
    share_WT: Tensor
    phrase_W: Tensor
    row_W: Tensor
    phrases_P: Tensor

    @classmethod
    def of(cls, tokens: TokenizedPrompt, device: torch.device | None = None, length: int | None = None) -> WordingSpans:
        """Padded to `length` tokens, the caption's first; None is the caption's own length."""
        longer = (length or len(tokens.ids_T)) - len(tokens.ids_T)
        spans_WT = F.pad(tokens.spans_WT, (0, longer))
        share_WT = spans_WT.float() / spans_WT.sum(-1, keepdim=True)
        phrase_W = torch.tensor(tokens.phrase_of_W)
        phrases_P, row_W = phrase_W.unique(return_inverse=True)
        return cls(*(one.to(device) for one in (spans_WT, share_WT, phrase_W, row_W, phrases_P)))


@dataclass(frozen=True, slots=True)
class CaptionAnswer:
    """The network's output for one picture and one caption.

    Args:
        logits_QT, boxes_Q4: of the last decoder layer, fp32; boxes are cx cy w h in 0..1 of the network's input.
        wordings: of the caption.
    """

    logits_QT: Tensor
    boxes_Q4: Tensor
    wordings: WordingSpans


def postprocess(
    answers: Sequence[CaptionAnswer], prompt: Prompt, size: InputSize, image_hw: tuple[int, int], rules: ReportRules
) -> Detections:
    """The boxes that score at least the threshold for a phrase, best first.

    A negative phrase takes boxes from other phrases, but is not reported.

    Args:
        answers: one per caption of the prompt; each has its own queries.
        image_hw: the original picture, px.
    """
    return choose([candidates(answer, rules).cpu() for answer in answers], prompt, size, image_hw, rules)


def candidates(answer: CaptionAnswer, rules: ReportRules) -> Tensor:
    """(K, 6) fp32: score, phrase and box (cx cy w h in 0..1 of the network's input) of every candidate.

    Each query once, or the best pairs of query and phrase. K depends on no value, so the device is not waited for.
    """
    wordings = answer.wordings
    scores_QW = _wording_scores(answer.logits_QT, wordings, rules.score_rule)
    if rules.one_phrase:
        scores_K, wordings_K = scores_QW.max(-1)
        phrases_K, boxes_K4 = wordings.phrase_W[wordings_K], answer.boxes_Q4
    else:
        Q, P = len(scores_QW), len(wordings.phrases_P)
        scores_QP = scores_QW.new_zeros(Q, P).scatter_reduce_(1, wordings.row_W.expand(Q, -1), scores_QW, "amax")
        scores_K, pairs_K = scores_QP.flatten().topk(min(_MAX_PAIRS, Q * P))
        phrases_K, boxes_K4 = wordings.phrases_P[pairs_K % P], answer.boxes_Q4[pairs_K // P]
    return torch.cat([scores_K[:, None], phrases_K[:, None].to(scores_K.dtype), boxes_K4], -1)


def choose(
    parts_K6: Sequence[Tensor], prompt: Prompt, size: InputSize, image_hw: tuple[int, int], rules: ReportRules
) -> Detections:
    """The detections among the candidates of all captions, on the host. Arguments as in `postprocess`."""
    rows_K6 = torch.cat(list(parts_K6))
    scores_K, phrases_K = rows_K6[:, 0], rows_K6[:, 1].long()
    boxes_K4 = image_pixels(rows_K6[:, 2:], size, image_hw)
    if not rules.one_phrase and len(parts_K6) > 1:
        best = scores_K.topk(min(_MAX_PAIRS, len(scores_K))).indices
        phrases_K, scores_K, boxes_K4 = phrases_K[best], scores_K[best], boxes_K4[best]
    min_scores_P = [rules.threshold if phrase.threshold is None else phrase.threshold for phrase in prompt.phrases]
    reported_P = [not phrase.negative for phrase in prompt.phrases]
    kept_K = scores_K >= torch.tensor(min_scores_P)[phrases_K]
    kept_K &= torch.tensor(reported_P)[phrases_K]
    kept_K &= (boxes_K4[:, 2:] > boxes_K4[:, :2]).all(-1)
    order = torch.argsort(scores_K, descending=True, stable=True)
    rows = order[kept_K[order]]
    if rules.nms_iou is not None:
        rows = _suppress(boxes_K4, None if rules.agnostic_nms else phrases_K, rows, rules.nms_iou)
    name_of_phrase = _positions(reported_P)
    return Detections(
        prompt.names, boxes_K4[rows].numpy(), scores_K[rows].numpy(), name_of_phrase[phrases_K[rows]].numpy()
    )


def image_pixels(boxes_Q4: Tensor, size: InputSize, image_hw: tuple[int, int]) -> Tensor:
    """cx cy w h of the canvas -> x1 y1 x2 y2 px of the original picture, clipped to it."""
    height, width = image_hw
    valid_x, valid_y = size.valid_xy
    image_from_canvas = torch.tensor([width / valid_x, height / valid_y] * 2, device=boxes_Q4.device)
    centre, half = boxes_Q4[:, :2], boxes_Q4[:, 2:] / 2
    boxes = torch.cat([centre - half, centre + half], -1) * image_from_canvas
    edge = torch.tensor([width, height] * 2, device=boxes.device, dtype=boxes.dtype)
    return torch.minimum(boxes.clamp(min=0), edge)


def _wording_scores(logits_QT: Tensor, wordings: WordingSpans, rule: ScoreRule) -> Tensor:
    probability_QT = logits_QT.sigmoid()
    if rule == "max":
        return torch.where(wordings.spans_WT[None], probability_QT[:, None], 0.0).amax(-1)
    return probability_QT @ wordings.share_WT.T


def _suppress(boxes_Q4: Tensor, phrases_Q: Tensor | None, rows: Tensor, max_iou: float) -> Tensor:
    """Greedy non-maximum suppression, within each phrase if phrases are given; `rows` are sorted by score."""
    boxes = boxes_Q4[rows]
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    inner = (high - low).clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    overlaps = inner / (area[:, None] + area[None] - inner) > max_iou
    if phrases_Q is not None:
        phrases = phrases_Q[rows]
        overlaps &= phrases[:, None] == phrases[None]
    kept: list[int] = []
    suppressed = np.zeros(len(boxes), bool)
    for row, row_overlaps in enumerate(overlaps.numpy()):
        if not suppressed[row]:
            kept.append(row)
            suppressed |= row_overlaps
    return rows[kept]


def _positions(reported: Sequence[bool]) -> Tensor:
    """The index of each phrase among the reported ones."""
    return torch.cumsum(torch.tensor(reported, dtype=torch.long), 0) - 1
