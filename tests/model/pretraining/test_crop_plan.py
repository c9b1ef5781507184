"""Which boxes a pretraining cuts out, and what is known of each."""

from __future__ import annotations

from collections import Counter

import pytest

from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.pretraining.crop_plan import plan_crops

from .labelled_set import NAMES, labelled_set, picture

CUP, MUG, LEFT, RIGHT, SHOE = range(len(NAMES))


def test_a_class_that_may_be_true_too_is_open_unless_it_is_known_to_be_absent() -> None:
    data = labelled_set(
        picture((CUP,), (LEFT,), absent=(RIGHT,)),
        picture((CUP,), (LEFT,), absent=(MUG,)),
        picture((CUP,), (LEFT,)),  # all that it does not show is absent
        picture((CUP,), (MUG,)),  # which may be the same object
        picture((CUP, MUG)),
    )

    plan = plan_crops(data, 100, seed=0)

    column = {name: number for number, name in enumerate(plan.classes)}
    known = [(one.classes, one.open) for one in plan.labels]
    cup, mug, left = column["cup"], column["mug"], column["left hand"]
    assert known[0::2] == [((cup,), (mug,)), ((cup,), ()), ((cup,), ()), ((cup,), (mug,)), ((cup, mug), ())]
    assert known[1::2] == [((left,), ())] * 3 + [((mug,), (cup,))]
    assert plan.classes == ("cup", "mug", "left hand")  # what has no box is nothing to tell apart


def test_of_many_boxes_some_are_drawn_evenly_over_the_classes() -> None:
    data = labelled_set(*(picture((CUP,), (CUP,), (CUP,)) for _ in range(50)), picture((LEFT,), (LEFT,), (SHOE,)))

    plan, again, other = (plan_crops(data, 20, seed) for seed in (1, 1, 2))

    counts = Counter(plan.classes[labels.classes[0]] for labels in plan.labels)
    assert counts == {"cup": 17, "left hand": 2, "left shoe": 1}
    assert sum(len(boxes) for _, boxes in plan.cuts) == len(plan.labels) == 20
    assert plan.boxes == 153
    assert plan.labels == again.labels
    assert [str(boxes) for _, boxes in plan.cuts] == [str(boxes) for _, boxes in again.cuts]
    assert [str(boxes) for _, boxes in plan.cuts] != [str(boxes) for _, boxes in other.cuts]


def test_a_source_of_a_mixture_says_nothing_of_classes_that_only_another_annotates() -> None:
    data = labelled_set(
        picture((CUP,), (LEFT,), absent=(SHOE,)),
        picture((CUP,), (RIGHT,), absent=(), source=1),
        picture((SHOE,), absent=(), source=1),
        shares=(0.5, 0.5),
    )

    plan = plan_crops(data, 100, seed=0)

    known = [{name for name, is_known in zip(plan.classes, row, strict=True) if is_known} for row in plan.known_SC]
    assert known == [{"cup", "left hand", "left shoe"}, {"cup", "right hand", "left shoe"}]


def test_a_mirrored_left_hand_is_a_right_hand_and_a_mirrored_left_shoe_is_nothing() -> None:
    plan = plan_crops(labelled_set(picture((CUP,), (LEFT,), (RIGHT,), (SHOE,))), 100, seed=0)

    mirrored = zip(plan.classes, plan.mirrored, strict=True)
    assert {name: other if other < 0 else plan.classes[other] for name, other in mirrored} == {
        "cup": "cup",
        "left hand": "right hand",
        "right hand": "left hand",
        "left shoe": -1,
    }


def test_held_out_crops_are_those_of_the_given_classes() -> None:
    data = labelled_set(picture((CUP,), (LEFT,), (SHOE,)))

    plan = plan_crops(data, 100, seed=0, classes=("left shoe", "right hand", "cup"))

    assert sorted(one.classes for one in plan.labels) == [(0,), (2,)]
    assert plan_crops(data, 100, seed=0, classes=("right hand",)).labels == ()


@pytest.mark.parametrize(
    ("answers", "side_px", "said"),
    [
        (
            [(CUP,), (LEFT,)],
            7.0,
            "annotations set.json have no box of 8 px or more to cut out: leave --crop-steps away",
        ),
        ([(CUP,), (CUP,)], 20.0, "the large boxes of set.json are all of one class"),
        ([(CUP, MUG), (CUP, MUG)], 20.0, "the large boxes of set.json are all of one class"),
    ],
)
def test_what_teaches_nothing_is_refused(answers: list[tuple[int, ...]], side_px: float, said: str) -> None:
    with pytest.raises(CocoError, match=said):
        plan_crops(labelled_set(picture(*answers, side_px=side_px)), 100, seed=0)
