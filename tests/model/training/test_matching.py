"""Matching: which query is matched to which true box, and the cost of wrong logits."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import pytest
import torch

from groundcast.model.dino.grounding_dino import Enhanced, Output
from groundcast.model.dino.query_selection import Selected
from groundcast.model.training.boxes import corners, generalised_iou, paired_generalised_iou
from groundcast.model.training.loss import LossWeights, detection_loss
from groundcast.model.training.matching import MatchingCosts, Truth, match

TRUE_BOXES = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.6, 0.3, 0.1]])
TRUTH = Truth(TRUE_BOXES, torch.tensor([[True, True, False], [False, False, True]]))
NO_WORD = torch.zeros(1, 3, dtype=torch.bool)


def _right() -> tuple[torch.Tensor, torch.Tensor]:
    """Five queries: 3 is the first truth, 1 the second, the others answer nothing."""
    logits = torch.full((1, 5, 3), -6.0)
    boxes = torch.tensor([0.5, 0.5, 0.1, 0.1]).repeat(1, 5, 1)
    for query, truth in ((3, 0), (1, 1)):
        boxes[0, query] = TRUE_BOXES[truth]
        logits[0, query, TRUTH.answers_GT[truth]] = 6.0
    return logits, boxes


def _output(logits: torch.Tensor, boxes: torch.Tensor, no_word: torch.Tensor = NO_WORD) -> Output:
    selected = Selected(torch.arange(5)[None], torch.zeros(1, 5, 4), boxes, logits)
    enhanced = Enhanced(torch.zeros(1, 1, 4), ((1, 1),), torch.zeros(1, 3, 4), no_word, None, None)
    return Output((logits,), (boxes,), (), (), selected, enhanced)


def test_overlap_is_one_for_the_same_box_and_negative_far_away() -> None:
    boxes = corners(torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]]))
    overlaps = generalised_iou(boxes, boxes)
    torch.testing.assert_close(overlaps.diag(), torch.ones(2))
    assert overlaps[0, 1] < 0
    torch.testing.assert_close(paired_generalised_iou(boxes, boxes.flip(0)), torch.stack([overlaps[0, 1]] * 2))


def test_half_a_box_overlaps_by_a_third() -> None:
    a = torch.tensor([[0.0, 0.0, 2.0, 1.0]])
    b = torch.tensor([[1.0, 0.0, 3.0, 1.0]])
    torch.testing.assert_close(generalised_iou(a, b), torch.tensor([[1 / 3]]))


def test_each_truth_gets_the_query_that_answers_it() -> None:
    ((rows, columns),) = match(*_right(), [TRUTH], MatchingCosts())
    assert sorted(zip(columns.tolist(), rows.tolist(), strict=True)) == [(0, 3), (1, 1)]


def test_a_picture_without_truths_matches_nothing() -> None:
    empty = Truth(torch.zeros(0, 4), torch.zeros(0, 3, dtype=torch.bool))
    ((rows, columns),) = match(*_right(), [empty], MatchingCosts())
    assert len(rows) == len(columns) == 0
    assert float(detection_loss(_output(*_right()), [empty], LossWeights(), 1.0)["l1"]) == 0.0


@pytest.mark.parametrize("part", ["class", "l1", "giou"])
def test_a_right_answer_costs_least(part: str) -> None:
    logits, boxes = _right()
    right = detection_loss(_output(logits, boxes), [TRUTH], LossWeights(), 2.0)[part]
    wrong_logits = logits.clone()
    wrong_logits[0, 3] = -6.0
    wrong = detection_loss(_output(wrong_logits, boxes + 0.1), [TRUTH], LossWeights(), 2.0)[part]
    assert float(right) < 0.01
    assert float(wrong) > float(right) + 0.05


def test_padding_costs_nothing() -> None:
    logits, boxes = _right()
    padded = torch.cat([logits, torch.full((1, 5, 2), float("-inf"))], -1)
    truth = Truth(TRUE_BOXES, torch.cat([TRUTH.answers_GT, torch.zeros(2, 2, dtype=torch.bool)], -1))
    no_word = torch.tensor([[False, False, False, True, True]])
    with_padding = detection_loss(_output(padded, boxes, no_word), [truth], LossWeights(), 2.0)
    without = detection_loss(_output(logits, boxes), [TRUTH], LossWeights(), 2.0)
    torch.testing.assert_close(with_padding["total"], without["total"])
