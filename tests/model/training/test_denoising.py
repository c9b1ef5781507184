"""Denoising: how far boxes move, and which queries attend to which."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from groundcast.model.dino.grounding_dino import GroundingDino
from groundcast.model.training.batch import stack
from groundcast.model.training.denoising import NoisedPicture, NoisedQueries, NoiseOptions, add_box_noise
from groundcast.model.training.detection import DetectionTask

from ..tiny import tiny_model, without_zeros
from .drawn_examples import draw_examples, full_config

BOXES: NDArray[np.float32] = np.array([[0.5, 0.5, 0.2, 0.1], [0.45, 0.55, 0.1, 0.2]], np.float32)
ANSWERS = torch.tensor([[True, True, False, False], [False, False, False, True]])
PHRASES = torch.tensor([[True, True, False, False], [False, False, True, False], [False, False, False, True]])


def _spoil(options: NoiseOptions, seed: int = 0) -> NoisedPicture:
    return add_box_noise(BOXES, ANSWERS, PHRASES, options, np.random.default_rng(seed))


def _corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def test_near_copies_move_less_than_half_a_side_and_far_ones_more() -> None:
    one = _spoil(NoiseOptions(queries=4000))
    assert len(one.boxes_K4) == 4000
    truths = np.tile([0, 1], 2000)
    near = one.truth_K >= 0
    assert near.mean() == 0.5
    assert (one.truth_K[near] == truths[near]).all()
    moved = np.abs(_corners(one.boxes_K4) - _corners(BOXES)[truths]) / np.tile(BOXES[truths, 2:] / 2, 2)
    assert moved[near].max() <= 1.0 + 1e-4
    assert moved[near].mean() == pytest.approx(0.5, abs=0.02)
    # A far copy whose corners passed each other is the box between them: they are told apart before that.
    assert np.median(moved[~near]) > 1.0
    assert (one.boxes_K4[:, 2:] >= 0).all()


def test_copies_stay_in_the_picture() -> None:
    edge = np.array([[0.05, 0.95, 0.1, 0.1]], np.float32)
    one = add_box_noise(edge, ANSWERS[:1], PHRASES, NoiseOptions(queries=200), np.random.default_rng(0))
    corners = _corners(one.boxes_K4)
    assert corners.min() >= -1e-6
    assert corners.max() <= 1 + 1e-6


def test_some_copies_begin_with_the_words_of_another_phrase() -> None:
    one = _spoil(NoiseOptions(queries=4000, label_noise=0.5))
    own = ANSWERS.numpy()[np.tile([0, 1], 2000)]
    token_weights = one.words_KT > 0
    np.testing.assert_allclose(one.words_KT.sum(1), 1.0)
    # A quarter is drawn anew, and a third of those from the phrase itself.
    assert (token_weights != own).any(1).mean() == pytest.approx(0.25 * 2 / 3, abs=0.02)
    assert not (_spoil(NoiseOptions(queries=40, label_noise=0.0)).words_KT[1] - own[1]).any()


def test_pictures_without_true_boxes_are_learnt_from() -> None:
    none = add_box_noise(BOXES[:0], ANSWERS[:0], PHRASES, NoiseOptions(), np.random.default_rng(0))
    assert len(none.boxes_K4) == len(none.group_K) == len(none.truth_K) == 0
    batch = stack(draw_examples(np.random.default_rng(0), 2, boxes=0))
    task = DetectionTask(tiny_model().train(), denoise=True)
    losses = {name: value.detach() for name, value in task.losses(batch, 1.0).items()}
    assert float(losses["l1"]) == float(losses["noised_class"]) == 0.0
    assert float(losses["class"]) > 0


@pytest.mark.parametrize("body", ["full", "edge"])
@torch.no_grad()
def test_extra_queries_change_nothing_for_the_chosen_ones(body: str) -> None:
    torch.manual_seed(0)
    model = (tiny_model() if body == "edge" else without_zeros(GroundingDino(full_config()))).eval()
    batch = stack(draw_examples(np.random.default_rng(3), 2, padded=True))
    enhanced = model.enhance(batch.pictures_B3HW, model.read(batch.words), batch.valid_B2)
    assert batch.noised is not None
    extra = NoisedQueries(model.config.width)(batch.noised, enhanced)
    alone, beside = model.answer(enhanced), model.answer(enhanced, extra=extra)
    torch.testing.assert_close(beside.logits, alone.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(beside.boxes, alone.boxes, atol=1e-5, rtol=1e-4)
    assert beside.extra_boxes[0].shape == (2, 12, 4)
    # One group of four, seen by itself, says the same as beside the others.
    group = type(extra)(extra.content_BKC[:, :4], extra.boxes_BK4[:, :4], extra.apart_BKK[:, :4, :4])
    by_itself = model.answer(enhanced, extra=group)
    torch.testing.assert_close(by_itself.extra_logits[0], beside.extra_logits[0][:, :4], atol=1e-4, rtol=1e-4)
    moved = type(extra)(extra.content_BKC, extra.boxes_BK4.flip(1), extra.apart_BKK)
    assert not torch.allclose(model.answer(enhanced, extra=moved).extra_boxes[0], beside.extra_boxes[0], atol=1e-3)
