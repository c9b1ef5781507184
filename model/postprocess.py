# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
"""From the network's answers to boxes with names.

Letters: Q query, T token, W wording, P phrase, K candidate box.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from .detections import Detections
from .preprocess import InputSize
from .prompt import Prompt
from .tokenizer import TokenizedPrompt

ScoreRule = Literal["mean", "max"]

_MOST_PAIRS = 300


def postprocess(
    logits_QT: Tensor,
    boxes_Q4: Tensor,
    prompt: Prompt,
    tokens: TokenizedPrompt,
    size: InputSize,
    image_hw: tuple[int, int],
    threshold: float,
    score_rule: ScoreRule = "mean",
    nms_iou: float | None = None,
    one_phrase: bool = True,
) -> Detections:
    """The boxes that answer some phrase well enough, best first.

    A negative phrase wins boxes but is not reported.

    Args:
        logits_QT, boxes_Q4: of the last decoder layer, fp32; boxes are cx cy w h in 0..1 of the network's input.
        image_hw: the original picture, px.
        threshold: the least score, where the phrase does not state its own.
        score_rule: a wording's score is the mean or the best of its tokens'.
        nms_iou: of two boxes of one phrase that overlap more than this, the better stays. None keeps both.
        one_phrase: a query answers the one phrase it scores highest on; else the 300 best pairs count,
            which is how average precision is measured.
    """
    scores_QW = _wording_scores(logits_QT, tokens.spans_WT.to(logits_QT.device), score_rule)
    queries_K, phrases_K, scores_K = _candidates(scores_QW, tokens.phrase_of_W, one_phrase=one_phrase)
    least_P = [threshold if phrase.threshold is None else phrase.threshold for phrase in prompt.phrases]
    reported_P = [not phrase.negative for phrase in prompt.phrases]
    kept_K = scores_K >= torch.tensor(least_P, device=scores_K.device)[phrases_K]
    kept_K &= torch.tensor(reported_P, device=scores_K.device)[phrases_K]
    boxes_K4 = _image_pixels(boxes_Q4, size, image_hw)[queries_K]
    kept_K &= (boxes_K4[:, 2:] > boxes_K4[:, :2]).all(-1)
    order = torch.argsort(scores_K, descending=True, stable=True)
    rows = order[kept_K[order]]
    if nms_iou is not None:
        rows = _suppress(boxes_K4, phrases_K, rows, nms_iou)
    name_of_phrase = _positions(reported_P)
    return Detections(
        prompt.names,
        boxes_K4[rows].cpu().numpy(),
        scores_K[rows].cpu().numpy(),
        name_of_phrase[phrases_K[rows].cpu()].numpy(),
    )


def _candidates(scores_QW: Tensor, phrase_of_W: Sequence[int], *, one_phrase: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, phrases and scores that may become boxes: each query once, or the best pairs of query and phrase."""
    phrase_W = torch.tensor(phrase_of_W, device=scores_QW.device)
    if one_phrase:
        scores_Q, wordings_Q = scores_QW.max(-1)
        return torch.arange(len(scores_Q), device=scores_Q.device), phrase_W[wordings_Q], scores_Q
    phrases = int(phrase_W.max()) + 1
    scores_QP = torch.stack([scores_QW[:, phrase_W == phrase].amax(-1) for phrase in range(phrases)], -1)
    scores_K, pairs_K = scores_QP.flatten().topk(min(_MOST_PAIRS, scores_QP.numel()))
    return pairs_K // phrases, pairs_K % phrases, scores_K


def _wording_scores(logits_QT: Tensor, spans_WT: Tensor, rule: ScoreRule) -> Tensor:
    probability_QT = logits_QT.sigmoid()
    if rule == "max":
        return torch.where(spans_WT[None], probability_QT[:, None], 0.0).amax(-1)
    share_WT = spans_WT.float()
    return probability_QT @ (share_WT / share_WT.sum(-1, keepdim=True)).T


def _image_pixels(boxes_Q4: Tensor, size: InputSize, image_hw: tuple[int, int]) -> Tensor:
    """cx cy w h of the canvas -> x1 y1 x2 y2 px of the original picture, cut at its edges."""
    height, width = image_hw
    valid_x, valid_y = size.valid_xy
    image_from_canvas = torch.tensor([width / valid_x, height / valid_y] * 2, device=boxes_Q4.device)
    centre, half = boxes_Q4[:, :2], boxes_Q4[:, 2:] / 2
    boxes = torch.cat([centre - half, centre + half], -1) * image_from_canvas
    edge = torch.tensor([width, height] * 2, device=boxes.device, dtype=boxes.dtype)
    return torch.minimum(boxes.clamp(min=0), edge)


def _suppress(boxes_Q4: Tensor, phrases_Q: Tensor, rows: Tensor, most_iou: float) -> Tensor:
    """Greedy non-maximum suppression within each phrase; `rows` are in order of score."""
    boxes, phrases = boxes_Q4[rows], phrases_Q[rows]
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    inner = (high - low).clamp(min=0).prod(-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    overlaps = inner / (area[:, None] + area[None] - inner) > most_iou
    overlaps &= phrases[:, None] == phrases[None]
    kept: list[int] = []
    for row, row_overlaps in enumerate(overlaps.tolist()):
        if not any(row_overlaps[better] for better in kept):
            kept.append(row)
    return rows[kept]


def _positions(reported: Sequence[bool]) -> Tensor:
    """Where each phrase stands among the reported ones."""
    return torch.cumsum(torch.tensor(reported, dtype=torch.long), 0) - 1
