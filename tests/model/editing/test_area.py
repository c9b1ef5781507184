"""The area to paint: dilated, feathered to exactly nothing, in windows that hold it and do not overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from groundcast.model.editing.area import Window, alpha_of, windows_of


def square(size_hw: tuple[int, int], *boxes: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    pixels = np.zeros(size_hw, np.bool_)
    for x1, y1, x2, y2 in boxes:
        pixels[y1:y2, x1:x2] = True
    return pixels


def test_the_mask_grows_by_the_dilation_then_falls_to_exactly_nothing() -> None:
    alpha = alpha_of(square((60, 80), (30, 20, 40, 30)), dilate_px=3, feather_px=4)

    row = alpha[25, 40:52].tolist()
    assert row[:3] == [1.0, 1.0, 1.0]
    assert row[3:7] == pytest.approx([0.8, 0.6, 0.4, 0.2], abs=1e-5)
    assert row[7:] == [0.0] * 5


def test_a_negative_dilation_shrinks_but_not_at_the_edge_of_the_picture() -> None:
    alpha = alpha_of(square((40, 40), (0, 10, 20, 30)), dilate_px=-4, feather_px=0)

    assert np.argwhere(alpha == 1).min(0).tolist() == [14, 0]
    assert np.argwhere(alpha == 1).max(0).tolist() == [25, 15]


def test_what_is_empty_or_shrunk_away_has_no_area() -> None:
    assert not alpha_of(square((9, 9)), 5, 5).any()
    assert not alpha_of(square((9, 9), (3, 3, 6, 6)), -5, 2).any()
    assert (alpha_of(np.ones((9, 9), np.bool_), -5, 2) == 1).all()


def test_parts_far_apart_have_windows_of_their_own_and_near_ones_share_one() -> None:
    far = windows_of(alpha_of(square((400, 600), (20, 20, 60, 60), (500, 300, 540, 340)), 0, 0), 0.5)
    near = windows_of(alpha_of(square((400, 600), (20, 20, 60, 60), (80, 20, 120, 60)), 0, 0), 0.5)

    assert far == [Window(0, 0, 80, 80), Window(480, 280, 560, 360)]
    assert len(near) == 1


@settings(max_examples=50, deadline=None, suppress_health_check=(HealthCheck.too_slow,))
@given(
    st.lists(st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(1, 30)] * 2), min_size=1, max_size=6),
    st.integers(1, 90),
    st.integers(1, 90),
    st.floats(0, 3),
)
def test_windows_hold_the_whole_area_inside_the_picture_without_overlap(
    boxes: list[tuple[int, int, int, int]], height: int, width: int, context: float
) -> None:
    alpha = alpha_of(square((height, width), *((x, y, x + w, y + h) for x, y, w, h in boxes)), 1, 2)

    counted = np.zeros((height, width), np.int64)
    for window in windows_of(alpha, context):
        assert 0 <= window.left < window.right <= width
        assert 0 <= window.top < window.bottom <= height
        counted[window.pixels] += 1
    assert counted.max() <= 1
    assert (counted[alpha > 0] == 1).all()


def test_many_specks_are_painted_in_one_window() -> None:
    alpha = np.zeros((500, 500), np.float32)
    alpha[::50, ::50] = 1

    (window,) = windows_of(alpha, 0.0)
    assert (alpha[window.pixels] > 0).sum() == 100
