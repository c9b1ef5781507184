"""Batches of crops: repeatable, evenly drawn, and mirrored with their words."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from groundcast.model.pretraining.crop_batches import ObjectCropBatches, judged_batches
from groundcast.model.pretraining.crop_pictures import STORED_PX
from groundcast.model.pretraining.crop_plan import CropPlan, plan_crops
from groundcast.model.training.workers import Worker

from .labelled_set import NAMES, labelled_set, picture

CUP, MUG, LEFT, RIGHT, SHOE = range(len(NAMES))


def _grey(plan: CropPlan, values: dict[str, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A crop of each object, of a grey that tells its class; its left half is darker."""
    greys = [values[plan.classes[one.classes[0]]] for one in plan.labels]
    crops = np.empty((len(greys), STORED_PX, STORED_PX, 3), np.uint8)
    crops[:] = np.array(greys, np.uint8)[:, None, None, None]
    crops[:, :, : STORED_PX // 2] //= 2
    return crops


def test_a_number_always_gives_the_same_crops_and_another_worker_others() -> None:
    plan = plan_crops(labelled_set(picture((CUP,), (LEFT,))), 100, seed=0)
    crops = _grey(plan, {"cup": 200, "left hand": 60})
    batches = ObjectCropBatches(plan, crops, 8, seed=4, mirror=True)

    one, again = batches(3), batches(3)

    assert torch.equal(one.pictures_N3PP, again.pictures_N3PP)
    assert torch.equal(one.classes_N, again.classes_N)
    for other in (batches(4), ObjectCropBatches(plan, crops, 8, 4, mirror=True, worker=Worker(1, 2))(3)):
        assert other.pictures_N3PP.shape != one.pictures_N3PP.shape or not torch.equal(
            other.pictures_N3PP, one.pictures_N3PP
        )


def test_a_crop_shows_the_object_of_its_class() -> None:
    plan = plan_crops(labelled_set(picture((CUP,), (RIGHT,))), 100, seed=0)
    batch = ObjectCropBatches(plan, _grey(plan, {"cup": 230, "right hand": 20}), 32, seed=0, mirror=False)(0)

    light_N = batch.pictures_N3PP.mean((1, 2, 3))
    is_cup_N = batch.classes_N == plan.classes.index("cup")
    assert 0 < int(is_cup_N.sum()) < 32
    assert light_N[is_cup_N].min() > light_N[~is_cup_N].max()


def test_a_mirrored_crop_has_the_class_and_the_open_classes_of_the_mirrored_object() -> None:
    pictures = picture((LEFT,), (RIGHT,), (SHOE,), (CUP,))
    plan = plan_crops(labelled_set(pictures), 100, seed=0)
    crops = _grey(plan, {"left hand": 220, "right hand": 220, "left shoe": 220, "cup": 220})
    batches = ObjectCropBatches(plan, crops, 64, seed=0, mirror=True)
    seen: Counter[tuple[str, bool]] = Counter()
    for number in range(4):
        batch = batches(number)
        half = batch.pictures_N3PP.shape[-1] // 2
        is_mirrored_N = batch.pictures_N3PP[..., half:].mean((1, 2, 3)) < batch.pictures_N3PP[..., :half].mean(
            (1, 2, 3)
        )
        for one, is_mirrored, allowed_C in zip(batch.classes_N, is_mirrored_N, batch.allowed_NC, strict=True):
            name = plan.classes[int(one)]
            seen[name, bool(is_mirrored)] += 1
            assert allowed_C[one]
            # What a mirrored left shoe is no class is for: it is neither right nor wrong.
            assert bool(allowed_C[plan.classes.index("left shoe")]) is not bool(is_mirrored)

    assert seen["left shoe", True] == 0
    assert min(seen[name, True] for name in ("cup", "left hand", "right hand")) > 5
    assert min(seen[name, False] for name in plan.classes) > 5


def test_rare_classes_are_drawn_more_often_than_they_are_and_sources_by_their_shares() -> None:
    many = [picture((CUP,), (CUP,), (CUP,), (CUP,), absent=(LEFT,)) for _ in range(25)]
    pictures = [*many, picture((LEFT,), absent=()), picture((SHOE,), (RIGHT,), absent=())]
    plan = plan_crops(labelled_set(*pictures), 1000, seed=0)
    crops = np.full((len(plan.labels), STORED_PX, STORED_PX, 3), 99, np.uint8)

    drawn = ObjectCropBatches(plan, crops, 400, seed=0, mirror=False)(0).classes_N
    counts = Counter(plan.classes[int(one)] for one in drawn)
    assert counts["cup"] / counts["left hand"] == pytest.approx(10, rel=0.5)  # and not 100

    pictures[-1] = replace(pictures[-1], source=1)
    mixed = plan_crops(labelled_set(*pictures, shares=(0.3, 0.7)), 1000, seed=0)
    drawn = ObjectCropBatches(mixed, crops, 400, seed=0, mirror=False)(0).classes_N
    counts = Counter(plan.classes[int(one)] for one in drawn)
    assert (counts["left shoe"] + counts["right hand"]) / 400 == pytest.approx(0.7, abs=0.1)


def test_every_held_out_crop_is_judged_once() -> None:
    plan = plan_crops(labelled_set(*(picture((CUP,), (LEFT,)) for _ in range(5))), 100, seed=0)
    crops = _grey(plan, {"cup": 200, "left hand": 60})

    batches = list(judged_batches(plan, crops, 4))

    assert [len(batch.classes_N) for batch in batches] == [4, 4, 2]
    assert torch.cat([batch.classes_N for batch in batches]).tolist() == [one.classes[0] for one in plan.labels]
