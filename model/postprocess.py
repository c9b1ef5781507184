# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
"""From the network's answers to boxes with names.

Letters: Q query, T token, W wording, P phrase, K candidate box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .detections import Detections
from .preprocess import InputSize
from .prompt import Prompt
from .tokenizer import TokenizedPrompt

ScoreRule = Literal["mean", "max"]

_MOST_PAIRS = 300


@dataclass(frozen=True, slots=True)
class Rules:
    """Which boxes are reported.

    Args:
        threshold: the least score, where the phrase does not state its own.
        score_rule: a wording's score is the mean or the best of its tokens'.
        nms_iou: of two boxes that overlap more than this, the better stays. None keeps both.
        nms_across: boxes of different phrases count as doubles too; else only those of one phrase.
        one_phrase: a query answers the one phrase it scores highest on; else the 300 best pairs of query and phrase
            count, which is how average precision is measured.
    """

    threshold: float = 0.3
    score_rule: ScoreRule = "mean"
    nms_iou: float | None = None
    nms_across: bool = False
    one_phrase: bool = True


@dataclass(frozen=True, slots=True)
class CaptionAnswer:
    """What the network says of one picture and one caption.

    Args:
        logits_QT, boxes_Q4: of the last decoder layer, fp32; boxes are cx cy w h in 0..1 of the network's input.
        tokens: the caption.
    """

    logits_QT: Tensor
    boxes_Q4: Tensor
    tokens: TokenizedPrompt


def postprocess(
    answers: Sequence[CaptionAnswer], prompt: Prompt, size: InputSize, image_hw: tuple[int, int], rules: Rules
) -> Detections:
    """The boxes that answer some phrase well enough, best first.

    A negative phrase wins boxes but is not reported.

    Args:
        answers: one for each caption that the prompt was parted into; each has queries of its own.
        image_hw: the original picture, px.
    """
    parts = [_candidates(answer, rules) for answer in answers]
    phrases_K = torch.cat([part[1] for part in parts])
    scores_K = torch.cat([part[2] for part in parts])
    boxes_K4 = torch.cat([answer.boxes_Q4[part[0]] for answer, part in zip(answers, parts, strict=True)])
    boxes_K4 = image_pixels(boxes_K4, size, image_hw)
    if not rules.one_phrase and len(parts) > 1:
        best = scores_K.topk(min(_MOST_PAIRS, len(scores_K))).indices
        phrases_K, scores_K, boxes_K4 = phrases_K[best], scores_K[best], boxes_K4[best]
    least_P = [rules.threshold if phrase.threshold is None else phrase.threshold for phrase in prompt.phrases]
    reported_P = [not phrase.negative for phrase in prompt.phrases]
    kept_K = scores_K >= torch.tensor(least_P, device=scores_K.device)[phrases_K]
    kept_K &= torch.tensor(reported_P, device=scores_K.device)[phrases_K]
    kept_K &= (boxes_K4[:, 2:] > boxes_K4[:, :2]).all(-1)
    order = torch.argsort(scores_K, descending=True, stable=True)
    rows = order[kept_K[order]]
    if rules.nms_iou is not None:
        rows = _suppress(boxes_K4, None if rules.nms_across else phrases_K, rows, rules.nms_iou)
    name_of_phrase = _positions(reported_P)
    return Detections(
        prompt.names,
        boxes_K4[rows].cpu().numpy(),
        scores_K[rows].cpu().numpy(),
        name_of_phrase[phrases_K[rows].cpu()].numpy(),
    )


def image_pixels(boxes_Q4: Tensor, size: InputSize, image_hw: tuple[int, int]) -> Tensor:
    """cx cy w h of the canvas -> x1 y1 x2 y2 px of the original picture, cut at its edges."""
    height, width = image_hw
    valid_x, valid_y = size.valid_xy
    image_from_canvas = torch.tensor([width / valid_x, height / valid_y] * 2, device=boxes_Q4.device)
    centre, half = boxes_Q4[:, :2], boxes_Q4[:, 2:] / 2
    boxes = torch.cat([centre - half, centre + half], -1) * image_from_canvas
    edge = torch.tensor([width, height] * 2, device=boxes.device, dtype=boxes.dtype)
    return torch.minimum(boxes.clamp(min=0), edge)


def _candidates(answer: CaptionAnswer, rules: Rules) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, phrases and scores that may become boxes: each query once, or the best pairs of query and phrase."""
    scores_QW = _wording_scores(answer.logits_QT, answer.tokens.spans_WT.to(answer.logits_QT.device), rules.score_rule)
    phrase_W = torch.tensor(answer.tokens.phrase_of_W, device=scores_QW.device)
    if rules.one_phrase:
        scores_Q, wordings_Q = scores_QW.max(-1)
        return torch.arange(len(scores_Q), device=scores_Q.device), phrase_W[wordings_Q], scores_Q
    phrases_P = phrase_W.unique()
    scores_QP = torch.stack([scores_QW[:, phrase_W == phrase].amax(-1) for phrase in phrases_P], -1)
    scores_K, pairs_K = scores_QP.flatten().topk(min(_MOST_PAIRS, scores_QP.numel()))
    return pairs_K // len(phrases_P), phrases_P[pairs_K % len(phrases_P)], scores_K


def _wording_scores(logits_QT: Tensor, spans_WT: Tensor, rule: ScoreRule) -> Tensor:
    probability_QT = logits_QT.sigmoid()
    if rule == "max":
        return torch.where(spans_WT[None], probability_QT[:, None], 0.0).amax(-1)
    share_WT = spans_WT.float()
    return probability_QT @ (share_WT / share_WT.sum(-1, keepdim=True)).T


def _suppress(boxes_Q4: Tensor, phrases_Q: Tensor | None, rows: Tensor, most_iou: float) -> Tensor:
    """Greedy non-maximum suppression, within each phrase where they are given; `rows` are in order of score."""
    boxes = boxes_Q4[rows]
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    inner = (high - low).clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    overlaps = inner / (area[:, None] + area[None] - inner) > most_iou
    if phrases_Q is not None:
        phrases = phrases_Q[rows]
        overlaps &= phrases[:, None] == phrases[None]
    kept: list[int] = []
    for row, row_overlaps in enumerate(overlaps.tolist()):
        if not any(row_overlaps[better] for better in kept):
            kept.append(row)
    return rows[kept]


def _positions(reported: Sequence[bool]) -> Tensor:
    """Where each phrase stands among the reported ones."""
    return torch.cumsum(torch.tensor(reported, dtype=torch.long), 0) - 1
