"""The dense auxiliary loss, which classifies every cell in the middle of an object."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import torch

from groundcast.model.dino.grounding_dino import Enhanced, Output
from groundcast.model.dino.query_selection import Selected
from groundcast.model.training.dense import DensePlaces
from groundcast.model.training.matching import Truth

from ..tiny import tiny_config

SHAPES = ((8, 12), (4, 6))
ANSWERS = torch.tensor([[True, False, False, False], [False, True, False, False]])


def _output(memory: torch.Tensor) -> Output:
    text = torch.eye(4, 32)[None] * 60
    enhanced = Enhanced(memory, SHAPES, text, torch.zeros(text.shape[:2], dtype=torch.bool), None, None)
    return Output((), (), (), (), Selected(memory, memory, memory, memory), enhanced)


def _helper() -> DensePlaces:
    helper = DensePlaces(tiny_config())
    helper.project = torch.nn.Sequential(torch.nn.Identity())
    return helper


@torch.no_grad()
def test_places_that_answer_their_object_cost_less() -> None:
    boxes = torch.tensor([[0.25, 0.5, 0.4, 0.8], [0.75, 0.5, 0.4, 0.8]])
    right, wrong = torch.zeros(1, 120, 32), torch.zeros(1, 120, 32)
    for memory, words in ((right, (0, 1)), (wrong, (1, 0))):
        for start, (height, width) in ((0, SHAPES[0]), (96, SHAPES[1])):
            level = memory[0, start : start + height * width].view(height, width, 32)
            level[:, : width // 2, words[0]] = 1.0
            level[:, width // 2 :, words[1]] = 1.0
    truths = [Truth(boxes, ANSWERS)]
    assert float(_helper()(_output(right), truths)) < 0.3 * float(_helper()(_output(wrong), truths))


def test_where_boxes_overlap_the_smaller_one_is_meant() -> None:
    boxes = torch.tensor([[0.5, 0.5, 1.0, 1.0], [0.5, 0.5, 0.3, 0.4]])
    memory = torch.randn(1, 120, 32).requires_grad_()
    _helper()(_output(memory), [Truth(boxes, ANSWERS)]).backward()
    assert memory.grad is not None
    touched = memory.grad.abs().sum(-1)[0, :96].view(8, 12) > 0
    assert touched[4, 6]
    assert not touched[0, 0]  # too near the edge of the large box


@torch.no_grad()
def test_a_picture_without_truths_costs_nothing() -> None:
    empty = Truth(torch.zeros(0, 4), torch.zeros(0, 4, dtype=torch.bool))
    assert float(_helper()(_output(torch.randn(1, 120, 32)), [empty])) == 0.0
