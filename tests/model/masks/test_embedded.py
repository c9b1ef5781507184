"""The embedded masker on drawn shapes, with its own weights."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.masks.embedded import WEIGHTS, EmbeddedMasker
from groundcast.model.masks.mask import pixels_of

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def masker() -> EmbeddedMasker:
    return EmbeddedMasker()


def _scene(paint: Callable[[Picture, tuple[int, int, int]], object]) -> tuple[Picture, NDArray[np.bool_]]:
    """A shape on a table of another colour, and its exact pixels."""
    rows = np.linspace(150, 190, 240, dtype=np.uint8)[:, None, None]
    picture = np.broadcast_to(rows, (240, 320, 3)).copy()
    truth = np.zeros((240, 320, 3), np.uint8)
    paint(picture, (190, 40, 40))
    paint(truth, (1, 1, 1))
    return picture, truth[:, :, 0] > 0


_SHAPES: dict[str, Callable[[Picture, tuple[int, int, int]], object]] = {
    "ball": lambda picture, colour: cv2.circle(picture, (160, 120), 30, colour, cv2.FILLED),
    "box": lambda picture, colour: cv2.rectangle(picture, (60, 80), (110, 150), colour, cv2.FILLED),
    "ring": lambda picture, colour: cv2.circle(picture, (200, 100), 35, colour, 14),
}


def _box_of(truth: NDArray[np.bool_]) -> NDArray[np.float32]:
    x, y, width, height = cv2.boundingRect(truth.astype(np.uint8))
    return np.array([[x, y, x + width, y + height]], np.float32)


@pytest.mark.parametrize("shape", _SHAPES)
def test_the_object_in_a_box_is_found(shape: str, masker: EmbeddedMasker) -> None:
    picture, truth = _scene(_SHAPES[shape])

    (mask,) = masker.masks(picture, _box_of(truth))

    assert mask is not None
    pixels = pixels_of(mask)
    assert (pixels & truth).sum() / (pixels | truth).sum() > 0.85
    assert 0.7 < mask.quality <= 1.0


def test_each_box_has_the_same_mask_alone_as_among_many(masker: EmbeddedMasker) -> None:
    picture, truth = _scene(_SHAPES["ball"])
    boxes = np.concatenate([_box_of(truth) + shift for shift in range(-3, 4)]).astype(np.float32)

    together = masker.masks(picture, boxes)
    masker._limit.rows = 2
    in_parts = masker.masks(picture, boxes)
    masker._limit.rows = 64

    alone = [masker.masks(picture, boxes[row : row + 1])[0] for row in range(len(boxes))]
    counts = [[mask.area_px for mask in found if mask is not None] for found in (together, in_parts, alone)]
    assert len(counts[0]) == len(boxes)
    assert counts[0] == pytest.approx(counts[1], abs=3)
    assert counts[0] == pytest.approx(counts[2], abs=3)


def test_boxes_beyond_the_picture_and_empty_ones_have_no_mask(masker: EmbeddedMasker) -> None:
    picture = np.zeros((60, 80, 3), np.uint8)
    boxes = [[100, 100, 120, 120], [10, 10, 10, 40], [float("nan"), 0, 9, 9], [-50, -50, -10, -10], [30, 40, 20, 10]]

    assert masker.masks(picture, np.array(boxes, np.float32)) == [None] * 5
    assert masker.masks(picture, np.zeros((0, 4), np.float32)) == []


def test_masks_stay_inside_the_picture(masker: EmbeddedMasker) -> None:
    picture, _ = _scene(lambda canvas, colour: cv2.circle(canvas, (5, 235), 40, colour, cv2.FILLED))

    (mask,) = masker.masks(picture, np.array([[-6.0, 194.0, 46.0, 247.0]], np.float32))

    assert mask is not None
    assert pixels_of(mask).shape == (240, 320)


def test_the_embedded_weights_stay_small() -> None:
    together = sum(path.stat().st_size for path in Path(WEIGHTS).parent.glob("*.safetensors"))

    assert together <= 12_000_000
