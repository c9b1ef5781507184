from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.stream.tracking.camera_shift import camera_shift_px


def _boxes(centres: list[tuple[float, float]], side: float = 40.0) -> NDArray[np.float64]:
    return np.array([[centre, (side, 2 * side)] for centre in centres])


SEEN = _boxes([(50, 60), (170, 90), (330, 120), (420, 300)])


def test_a_shift_that_all_boxes_share_is_found() -> None:
    moved = SEEN.copy()
    moved[:, 0] += (30.0, -12.0)
    assert camera_shift_px(list(moved), list(SEEN)).tolist() == pytest.approx([30.0, -12.0])


def test_one_box_that_jumps_is_no_shift_of_the_camera() -> None:
    moved = SEEN.copy()
    moved[1, 0] += (30.0, -12.0)
    assert camera_shift_px(list(moved), list(SEEN)).tolist() == [0.0, 0.0]


def test_boxes_that_stay_within_their_noise_make_no_shift() -> None:
    noise = np.random.default_rng(3).normal(0.0, 2.0, (4, 2))
    moved = SEEN.copy()
    moved[:, 0] += noise
    assert camera_shift_px(list(moved), list(SEEN)).tolist() == [0.0, 0.0]


def test_two_boxes_are_too_few_to_tell() -> None:
    moved = SEEN[:2].copy()
    moved[:, 0] += (30.0, -12.0)
    assert camera_shift_px(list(moved), list(SEEN[:2])).tolist() == [0.0, 0.0]
