from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.tracking.grown_iou import centre_and_size, grown_iou


def test_without_a_margin_it_is_the_iou() -> None:
    one, other = centre_and_size((0, 0, 10, 10)), centre_and_size((5, 0, 15, 10))
    assert grown_iou(one[None], other[None], np.zeros(1)) == pytest.approx(np.array([[1 / 3]]))


def test_boxes_apart_overlap_once_they_are_grown() -> None:
    one, other = centre_and_size((0, 0, 10, 10)), centre_and_size((12, 0, 22, 10))
    assert grown_iou(one[None], other[None], np.array([0.0])).tolist() == [[0.0]]
    assert grown_iou(one[None], other[None], np.array([5.0]))[0, 0] == pytest.approx(8 * 20 / (800 - 160))
