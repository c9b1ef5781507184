"""Objects cut out of a picture: where the window lies, what is around the object, and at which size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcast.launch.exits import InputError
from groundcast.launch.photos.cutting import Cut, cut_out, ground_of

IMAGE = (np.random.default_rng(0).random((80, 120, 3)) * 255).astype(np.uint8)
RED = (255, 0, 0)


def test_without_padding_the_pixels_are_the_pictures_own() -> None:
    assert np.array_equal(cut_out(IMAGE, (10, 20, 40, 50), Cut(0.0)), IMAGE[20:50, 10:40])


def test_padding_is_a_share_of_the_longer_side_and_stays_in_the_picture() -> None:
    assert np.array_equal(cut_out(IMAGE, (50, 40, 70, 50), Cut(0.5)), IMAGE[30:60, 40:80])
    assert np.array_equal(cut_out(IMAGE, (0, 0, 20, 10), Cut(0.5)), IMAGE[0:20, 0:30])


def test_a_square_is_moved_into_the_picture() -> None:
    assert np.array_equal(cut_out(IMAGE, (100, 0, 120, 10), Cut(0.0, square=True)), IMAGE[0:20, 100:120])


def test_a_square_larger_than_the_picture_has_the_ground_around_it() -> None:
    result = cut_out(IMAGE, (0, 0, 120, 80), Cut(0.0, square=True, ground=RED))

    assert result.shape == (120, 120, 3)
    assert np.array_equal(result[20:100], IMAGE)
    assert (result[:20] == RED).all()


def test_what_is_around_the_object_is_taken_away() -> None:
    pixels = np.zeros((80, 120), np.bool_)
    pixels[30:40, 20:30] = True

    before_red = cut_out(IMAGE, (10, 20, 40, 50), Cut(0.0, ground=RED), pixels)
    transparent = cut_out(IMAGE, (10, 20, 40, 50), Cut(0.0, ground="transparent"), pixels)

    assert (before_red[0, 0] == RED).all()
    assert np.array_equal(before_red[12:18, 12:18], IMAGE[32:38, 22:28])
    assert transparent.shape == (30, 30, 4)
    assert (transparent[0, 0, 3], transparent[15, 15, 3]) == (0, 255)
    assert np.array_equal(transparent[..., :3], IMAGE[20:50, 10:40])


@settings(max_examples=80, deadline=None)
@given(
    corners=st.tuples(*[st.floats(-5, 125)] * 4),
    padding=st.floats(0, 3),
    square=st.booleans(),
    size=st.none() | st.integers(1, 200),
)
def test_any_box_gives_a_picture(
    corners: tuple[float, float, float, float], padding: float, square: bool, size: int | None
) -> None:
    x1, x2 = sorted((min(119.0, max(0.0, corners[0])), min(120.0, max(0.0, corners[1]))))
    y1, y2 = sorted((min(79.0, max(0.0, corners[2])), min(80.0, max(0.0, corners[3]))))

    result = cut_out(IMAGE, (x1, y1, x2, y2), Cut(padding, square, size))

    assert min(result.shape[:2]) >= 1
    assert not square or result.shape[0] == result.shape[1]
    assert size is None or max(result.shape[:2]) == size


def test_grounds_are_words_or_colours() -> None:
    assert (ground_of("keep"), ground_of("white"), ground_of("#ff000080")) == ("keep", (255, 255, 255), RED)
    with pytest.raises(InputError):
        ground_of("plaid")
