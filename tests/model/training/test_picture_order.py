"""Picture order: pictures of rare classes are repeated."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from groundcast.model.datasets.labelled import LabelledData, LabelledPicture
from groundcast.model.training.picture_order import PictureOrder


def _data(*classes: int) -> LabelledData:
    box = np.array([[0, 0, 9, 9]], np.float32)
    pictures = [LabelledPicture(Path(f"{row}.png"), 10, 10, box, ((one,),)) for row, one in enumerate(classes)]
    return LabelledData(Path("a.json"), "", tuple(pictures), ("common", "rare"))


def _counts(order: PictureOrder, places: int) -> Counter[int]:
    return Counter(order[place].answers[0][0] for place in range(places))


def test_without_balance_each_picture_comes_once_a_round() -> None:
    order = PictureOrder(_data(0, 0, 0, 1), 0.0, 0, without_objects=True)

    assert len({order[place].file for place in range(4)}) == 4
    assert _counts(order, 400) == {0: 300, 1: 100}


def test_a_rare_class_is_repeated_by_lvis_s_factor() -> None:
    classes = [0] * 99 + [1]
    order = PictureOrder(_data(*classes), 0.09, 0, without_objects=True)

    counts = _counts(order, 10_200)

    # sqrt(0.09 / 0.01) = 3 times as often as in the file
    assert abs(counts[1] / counts[0] * 99 - 3) < 0.1


def test_the_same_place_always_has_the_same_picture() -> None:
    data = _data(*([0] * 9), 1)
    first, second = (PictureOrder(data, 0.5, 3, without_objects=True) for _ in range(2))

    assert [first[place].file for place in range(50)] == [second[place].file for place in range(50)]
    assert first[47].file == second[47].file
