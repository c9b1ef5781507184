from __future__ import annotations

import numpy as np
import pytest

from groundcast.stream.track import Box
from groundcast.stream.tracking.grown_iou import centre_and_size
from groundcast.stream.tracking.link_costs import GATES, link_costs


def _cost(detected: Box, predicted: Box, error_px: float = 0.0, min_iou: float = 0.2) -> float:
    boxes = centre_and_size(detected)[None], centre_and_size(predicted)[None]
    return float(link_costs(*boxes, np.array([error_px]), min_iou, GATES)[0, 0])


def test_the_same_box_costs_nothing() -> None:
    assert _cost((0, 0, 40, 80), (0, 0, 40, 80)) == pytest.approx(0.0)


def test_of_two_boxes_of_equal_overlap_the_one_of_the_same_size_is_cheaper() -> None:
    assert _cost((10, 0, 50, 80), (0, 0, 40, 80)) < _cost((0, 0, 24, 80), (0, 0, 40, 80))


def test_an_uncertain_track_may_match_further_away_and_never_beyond_its_margin() -> None:
    near, far = (60, 0, 100, 80), (160, 0, 200, 80)
    assert _cost(near, (0, 0, 40, 80)) == np.inf
    assert _cost(near, (0, 0, 40, 80), error_px=30.0) < np.inf
    assert _cost(far, (0, 0, 40, 80), error_px=1000.0) == np.inf
