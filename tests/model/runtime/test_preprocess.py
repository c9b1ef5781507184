"""Preprocessing: the size and place of a picture in the network's input."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import numpy as np
import pytest

from groundcast.model.runtime.preprocess import input_size, normalise, preprocess


@pytest.mark.parametrize(
    ("hw", "picture", "canvas"),
    [
        ((480, 640), (240, 320), (256, 320)),
        ((240, 320), (240, 320), (256, 320)),
        ((360, 640), (208, 370), (224, 384)),
        ((1920, 1080), (370, 208), (384, 224)),
        ((1, 1), (277, 277), (288, 288)),
        ((1000, 16000), (69, 1109), (96, 1120)),
        ((40_000_000, 1), (1109, 1), (1120, 32)),
    ],
)
def test_a_picture_keeps_its_shape_and_its_area(
    hw: tuple[int, int], picture: tuple[int, int], canvas: tuple[int, int]
) -> None:
    size = input_size(*hw, 320 * 240)
    assert (size.picture_hw, size.canvas_hw) == (picture, canvas)


def test_padding_is_right_and_below_and_becomes_the_mean_colour() -> None:
    image = np.full((480, 640, 3), 255, np.uint8)
    size = input_size(480, 640, 320 * 240)
    values = normalise(preprocess(image, size)[None], [size.valid_xy]).numpy()
    assert (values[0, :, 240:] == 0).all()
    assert (values[0, :, :240] > 2).all()


def test_values_are_those_of_imagenet() -> None:
    image = np.zeros((1, 2, 3), np.uint8)
    image[0, 1] = (124, 116, 104)  # the mean, rounded
    values = normalise(image[None], [(1.0, 1.0)]).numpy()[0, :, 0]
    np.testing.assert_allclose(values[:, 0], [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225], rtol=1e-5)
    np.testing.assert_allclose(values[:, 1], 0, atol=0.01)
