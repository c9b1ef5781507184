"""tabletop's batches: boxes follow the picture, and no prompt names a held-out pair."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import numpy as np
import pytest
import torch

from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.tabletop.vocabulary import vocabulary
from groundcast.model.tabletop.words import HELD_OUT, TRAINING_PAIRS
from groundcast.model.training.augment import cut, disturb, mirror
from groundcast.model.training.stored_scenes import StoredScene
from groundcast.model.training.tabletop_batches import BatchOptions, TabletopBatches, draw_wishes

RED_MUG, BLUE_CAN = ("red", "mug"), ("blue", "can")


def _scene(seed: int = 0) -> StoredScene:
    """Two bright boxes on black, so that the picture itself tells where they are."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((240, 320, 3), np.uint8)
    boxes = np.array([[60, 70, 110, 130], [180, 90, 240, 130]], np.float32) + rng.integers(-20, 20)
    for left, top, right, bottom in boxes.astype(int):
        picture[top:bottom, left:right] = 250
    return StoredScene(picture, (RED_MUG, BLUE_CAN), boxes, np.ones(2, np.float32))


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_boxes_follow_the_picture(scale: float, mirrored: bool) -> None:
    scene = _scene()
    for seed in range(5):
        view = cut(scene.picture, scene.boxes_xyxy, (192, 256), scale, np.random.default_rng(seed))
        if mirrored and view.valid_xy[0] == 1.0:
            view = mirror(view)
        for box, kept in zip(view.boxes_xyxy, view.visible_fraction, strict=True):
            if kept < 0.9:
                continue
            left, top, right, bottom = box.round().astype(int)
            inside = view.picture[top + 1 : bottom - 1, left + 1 : right - 1]
            around = view.picture[max(top - 5, 0) : max(top - 3, 0), left + 1 : right - 1]
            assert inside.min() > 200
            assert around.size == 0 or around.max() < 50


def test_what_is_cut_away_is_counted() -> None:
    scene = _scene()
    view = cut(scene.picture, scene.boxes_xyxy, (192, 256), 2.0, np.random.default_rng(1))
    sides = view.boxes_xyxy[:, 2:] - view.boxes_xyxy[:, :2]
    whole = (scene.boxes_xyxy[:, 2:] - scene.boxes_xyxy[:, :2]) * 2.0
    np.testing.assert_allclose(view.visible_fraction, sides.prod(1) / whole.prod(1), atol=1e-5)


def test_a_small_picture_is_padded_right_and_below() -> None:
    scene = _scene()
    view = cut(scene.picture, scene.boxes_xyxy, (256, 320), 1.0, np.random.default_rng(0))
    assert view.valid_xy == (1.0, 240 / 256)
    assert (view.picture[240:] == 0).all()
    np.testing.assert_array_equal(view.picture[:240], scene.picture)


def test_disturbing_leaves_a_colours_order_alone() -> None:
    red = np.full((32, 32, 3), (200, 40, 40), np.uint8)
    for seed in range(20):
        mean = disturb(red, np.random.default_rng(seed)).mean((0, 1))
        assert mean[0] > 1.5 * max(mean[1], mean[2])


def test_a_held_out_pair_is_never_asked_for() -> None:
    asked = set[tuple[str | None, str | None]]()
    for seed in range(300):
        asked |= set(draw_wishes([RED_MUG], [RED_MUG, BLUE_CAN], np.random.default_rng(seed)))
    assert not asked & HELD_OUT
    assert len(asked & set(TRAINING_PAIRS)) > 60  # so that the test sees most of what could be asked


def test_nothing_that_is_there_is_asked_as_absent() -> None:
    for seed in range(200):
        wishes = draw_wishes([RED_MUG], [RED_MUG, BLUE_CAN], np.random.default_rng(seed))
        for wish in wishes:
            answers_hidden = wish[0] in (None, "blue") and wish[1] in (None, "can")
            assert not answers_hidden


def test_the_same_step_is_the_same_batch() -> None:
    batches = TabletopBatches([_scene(i) for i in range(4)], Tokenizer(vocabulary()), BatchOptions(size=3))
    first, again, other = batches(7), batches(7), batches(8)
    assert torch.equal(first.pictures_B3HW, again.pictures_B3HW)
    assert torch.equal(first.words.ids_BT, again.words.ids_BT)
    assert not torch.equal(first.pictures_B3HW, other.pictures_B3HW)


def test_a_truth_answers_the_tokens_of_its_own_wording() -> None:
    tokenizer = Tokenizer(vocabulary())
    tokens = {index: token for token, index in tokenizer.vocabulary.items()}
    batches = TabletopBatches([_scene()], tokenizer, BatchOptions(size=4, whole=True, size_hw=(256, 320)))
    answered = 0
    for step in range(10):
        batch = batches(step)
        for picture, truth in enumerate(batch.truths):
            for box, answers in zip(truth.boxes_G4, truth.answers_GT, strict=True):
                words = {tokens[int(i)] for i in batch.words.ids_BT[picture][answers]}
                is_mug = bool(box[2] * 320 < box[3] * 256)  # the mug's box is the tall one
                assert words <= ({"red", "mug", "object"} if is_mug else {"blue", "can", "object"})
                answered += 1
    assert answered > 30
