"""Painting by windows: outside the area not a bit changes, whatever the painter does to the rest."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.editing.area import alpha_of
from groundcast.model.editing.painting import PaintRequest, paint_area

from .test_area import square

Rgb = NDArray[np.uint8]


class GreenPainter:
    """Paints everything green, the pixels outside the mask too."""

    def __init__(self) -> None:
        self.seen: list[tuple[Rgb, NDArray[np.bool_], PaintRequest]] = []

    def size_for(self, window_hw: tuple[int, int]) -> tuple[int, int]:
        return 48, 64

    def paint(self, image: Rgb, mask_HW: NDArray[np.bool_], request: PaintRequest) -> Rgb:
        self.seen.append((image, mask_HW, request))
        return np.full_like(image, (0, 255, 0))


def request_for(*boxes: tuple[float, float, float, float]) -> PaintRequest:
    return PaintRequest("grass", "", 0, ("grass",) * len(boxes), np.array(boxes, np.float32).reshape(-1, 4))


@pytest.mark.parametrize("size_hw", [(1, 1), (7, 3), (101, 77), (240, 319)])
def test_pixels_outside_keep_every_bit_at_any_size(size_hw: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size_hw, 3)).astype(np.uint8)
    height, width = size_hw
    pixels = square(
        size_hw, (width // 3, height // 3, width // 3 + max(1, width // 4), height // 3 + max(1, height // 4))
    )
    alpha = alpha_of(pixels, 2, 3)

    painted = paint_area(image, alpha, GreenPainter(), request_for())

    assert painted.image.shape == image.shape
    assert (painted.image[alpha == 0] == image[alpha == 0]).all()
    assert (painted.image[alpha == 1] == (0, 255, 0)).all()


def test_the_transition_mixes_both() -> None:
    image = np.zeros((60, 60, 3), np.uint8)
    alpha = alpha_of(square((60, 60), (20, 20, 40, 40)), 0, 4)

    painted = paint_area(image, alpha, GreenPainter(), request_for())

    assert painted.image[30, 39:46, 1].tolist() == [255, 204, 153, 102, 51, 0, 0]


def test_the_painter_gets_the_mask_and_the_boxes_of_its_window_alone() -> None:
    boxes = (20.0, 20.0, 60.0, 60.0), (500.0, 300.0, 540.0, 340.0)
    image = np.zeros((400, 600, 3), np.uint8)
    alpha = alpha_of(square((400, 600), (20, 20, 60, 60), (500, 300, 540, 340)), 0, 0)
    painter = GreenPainter()

    paint_area(image, alpha, painter, request_for(*boxes))

    assert [one.boxes_xyxy.tolist() for _, _, one in painter.seen] == [[[0.25, 0.25, 0.75, 0.75]]] * 2
    for small, mask, _ in painter.seen:
        assert small.shape == (48, 64, 3)
        assert 0.2 < float(mask.mean()) < 0.35


def test_a_thin_area_is_not_lost_where_the_window_is_made_smaller() -> None:
    alpha = np.zeros((800, 800), np.float32)
    alpha[400, :] = 1
    painter = GreenPainter()

    paint_area(np.zeros((800, 800, 3), np.uint8), alpha, painter, request_for())

    assert painter.seen[0][1].any(0).all()
