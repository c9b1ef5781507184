"""Label Studio's run lengths: any mask comes back, and blocks of single values are read too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st
from numpy.typing import NDArray

from groundcast.model.datasets.brush_rle import brush_pixels, brush_rle

masks = np_st.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@settings(max_examples=60, deadline=None)
@given(pixels=masks)
def test_any_mask_comes_back(pixels: NDArray[np.bool_]) -> None:
    stored = brush_rle(pixels)

    assert all(0 <= one < 256 for one in stored)
    assert np.array_equal(brush_pixels(stored, (pixels.shape[0], pixels.shape[1])), pixels)


def test_runs_longer_than_a_length_can_say_are_split() -> None:
    pixels = np.ones((300, 400), np.bool_)

    assert np.array_equal(brush_pixels(brush_rle(pixels), (300, 400)), pixels)


def test_single_values_are_read() -> None:
    # Eight values of 8 bits, lengths of 4 bits: one block of four zeros, value by value, and a run of four times 255.
    bits = f"{8:032b}" + f"{7:05b}" + "0011" * 4 + "000" + f"{3:04b}" + "00000000" * 4 + "100" + f"{3:04b}" + "11111111"
    bits += "0" * (-len(bits) % 8)
    stored = [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]

    assert brush_pixels(stored, (1, 2)).tolist() == [[False, True]]


@pytest.mark.parametrize(("stored", "size", "said"), [([1, 2], (1, 2), "cut off"), (None, (2, 2), "do not fit")])
def test_damaged_ones_are_refused(stored: list[int] | None, size: tuple[int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        brush_pixels(brush_rle(np.ones((1, 2), np.bool_)) if stored is None else stored, size)


def test_half_a_stream_is_refused() -> None:
    whole = brush_rle(np.eye(6, dtype=np.bool_))

    with pytest.raises(ValueError, match="cut off"):
        brush_pixels(whole[: len(whole) // 2], (6, 6))
