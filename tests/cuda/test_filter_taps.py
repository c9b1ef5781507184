"""Resizing filters: their weights sum to one and stay within the picture."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from groundcast.cuda.filter_taps import Filter, filter_taps

CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", get_args(Filter))
@pytest.mark.parametrize(("length", "output_length"), [(7, 7), (100, 37), (37, 100), (1, 5), (5, 1)])
def test_the_weights_of_a_resized_pixel_sum_to_one(length: int, output_length: int, kind: Filter) -> None:
    taps = filter_taps(length, output_length, kind, CPU)
    unit, count = 1 << taps.bits, len(taps.weights_KN)
    assert (taps.weights_KN.sum(0) - unit).abs().max() <= (count + 1) // 2  # each weight is rounded
    pixels_KN = taps.first_N + torch.arange(count)[:, None]
    assert (taps.weights_KN[pixels_KN >= length] == 0).all()
    assert taps.weights_KN.abs().max() < 1 << 15


def test_area_is_the_mean_of_the_pixels_that_are_covered() -> None:
    taps = filter_taps(6, 2, "area", CPU)
    assert taps.first_N.tolist() == [0, 3]
    np.testing.assert_allclose(taps.weights_KN.numpy() / (1 << taps.bits), np.full((3, 2), 1 / 3), atol=2e-5)
