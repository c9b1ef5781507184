"""Box overlap: IoU and intersections of known boxes."""

from __future__ import annotations

import numpy as np
import pytest

from groundcast.model.evaluation.box_overlap import areas, intersections, ious

SQUARE = np.array([[0.0, 0.0, 10.0, 10.0]])


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        ((0.0, 0.0, 10.0, 10.0), 1.0),
        ((5.0, 0.0, 15.0, 10.0), 1 / 3),
        ((2.0, 2.0, 7.0, 6.0), 0.2),
        ((10.0, 0.0, 20.0, 10.0), 0.0),
        ((20.0, 20.0, 30.0, 30.0), 0.0),
        ((5.0, 5.0, 5.0, 5.0), 0.0),
    ],
)
def test_iou_is_the_intersection_over_the_union(other: tuple[float, ...], iou: float) -> None:
    assert ious(SQUARE, np.array([other])).item() == pytest.approx(iou)


def test_every_pair_has_an_entry_also_without_boxes() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 4, 4]], np.float32)
    assert intersections(boxes, boxes[:2]).tolist() == [[4.0, 1.0], [1.0, 4.0], [4.0, 4.0]]
    assert ious(boxes, boxes[:0]).shape == (3, 0)


def test_a_box_with_swapped_corners_has_no_area() -> None:
    assert areas(np.array([[5.0, 5.0, 1.0, 9.0], [0.0, 0.0, 3.0, 2.0]])).tolist() == [0.0, 6.0]
