"""Region of interest: pictures are cropped, and boxes are moved back."""

from __future__ import annotations

import numpy as np
import pytest

from groundcast.model.detections import Detections
from groundcast.model.image import rgb_of
from groundcast.stream.node.roi import Area, clip_area, crop, uncrop


@pytest.mark.parametrize(
    ("area", "inside"),
    [
        ((10, 20, 50, 60), (10, 20, 50, 60)),
        ((10, 20, 500, 600), (10, 20, 100, 80)),
        ((0, 0, 100, 80), (0, 0, 100, 80)),
        ((100, 0, 200, 80), None),
        ((0, 80, 50, 90), None),
    ],
)
def test_only_what_lies_in_the_picture_is_looked_at(area: Area, inside: Area | None) -> None:
    assert clip_area(area, width=100, height=80) == inside


def test_what_is_found_in_the_part_lies_where_it_is_in_the_whole() -> None:
    image = np.arange(80 * 100 * 3, dtype=np.uint8).reshape(80, 100, 3)
    part = rgb_of(crop(image, (10, 20, 50, 60)))
    assert part.shape == (40, 40, 3)
    assert (part[5, 7] == image[25, 17]).all()
    boxes = np.array([[0, 0, 40, 40], [5, 6, 41, 7], [-3, 2, 9, 8]], np.float32)
    found = Detections(("mug",), boxes, np.full(3, 0.5, np.float32), np.zeros(3, np.int64))
    back = uncrop(found, (10, 20, 50, 60)).boxes_xyxy
    assert back.tolist() == [[10, 20, 50, 60], [15, 26, 50, 27], [10, 22, 19, 28]]
    assert back.dtype == np.float32


def test_without_an_area_nothing_is_copied() -> None:
    image, found = np.zeros((8, 8, 3), np.uint8), Detections.none(["mug"])
    assert crop(image, None) is image
    assert uncrop(found, None) is found
