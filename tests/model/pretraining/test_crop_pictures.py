"""Crops: the object in the middle at its size, whatever the picture's."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundcast.model.datasets.coco_data import read_coco
from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.datasets.labelled import labelled_coco
from groundcast.model.pretraining.crop_pictures import CONTEXT, STORED_PX, cut_out, read_crops
from groundcast.model.pretraining.crop_plan import plan_crops

from ..training.shapes_set import COLOURS, write_shapes


@pytest.mark.parametrize(
    ("size_hw", "box_xyxy"),
    [
        ((90, 120), (50, 40, 62, 50)),  # enlarged
        ((1500, 2000), (700, 600, 1300, 1100)),  # reduced
        ((1500, 2000), (0, 0, 600, 500)),  # at the corner
        ((90, 120), (108, 80, 120, 90)),
    ],
)
def test_an_object_fills_the_middle_of_its_crop(size_hw: tuple[int, int], box_xyxy: tuple[int, int, int, int]) -> None:
    image = np.zeros((*size_hw, 3), np.uint8)
    left, top, right, bottom = box_xyxy
    image[top:bottom, left:right] = 255

    crop = cut_out(image, np.array(box_xyxy, np.float32))

    assert crop.shape == (STORED_PX, STORED_PX, 3)
    inside_x, inside_y = left > 0 and right < size_hw[1], top > 0 and bottom < size_hw[0]
    long, short = STORED_PX / CONTEXT, STORED_PX / CONTEXT * (bottom - top) / (right - left)
    middle = STORED_PX // 2
    for row, expected, inside in ((crop[middle], long, inside_x), (crop[:, middle], short, inside_y)):
        white = np.flatnonzero(row[:, 0] > 127)
        assert len(white) == pytest.approx(expected, abs=2.5) if inside else len(white) > expected
        assert white.mean() == pytest.approx(middle - 0.5, abs=1.5) or not inside


def test_fine_stripes_are_averaged_and_not_skipped() -> None:
    image = np.zeros((800, 800, 3), np.uint8)
    image[:, ::2] = 255

    crop = cut_out(image, np.array([200, 200, 600, 600], np.float32))

    assert np.abs(crop[40:120, 40:120].astype(int) - 127).max() < 40


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = write_shapes(tmp_path, 3)
    plan = plan_crops(labelled_coco(read_coco(path, tmp_path)), 100, seed=0)
    (tmp_path / "2.png").write_bytes(b"no picture any more")

    with pytest.raises(CocoError, match=r"2\.png"):
        read_crops(plan, threads=2)


def test_crops_come_in_the_order_of_the_plan(tmp_path: Path) -> None:
    path = write_shapes(tmp_path, 12)
    plan = plan_crops(labelled_coco(read_coco(path, tmp_path)), 15, seed=3)
    seen: list[tuple[int, int]] = []

    crops = read_crops(plan, threads=3, on_read=lambda done, of: seen.append((done, of)))

    assert len(crops) == len(plan.labels) == 15
    assert seen == [(done, len(plan.cuts)) for done in range(1, len(plan.cuts) + 1)]
    middle = STORED_PX // 2
    for crop, labels in zip(crops, plan.labels, strict=True):
        bgr = COLOURS[plan.classes[labels.classes[0]].split()[0]]
        assert np.abs(crop[middle - 5 : middle + 5, middle - 5 : middle + 5].mean((0, 1)) - bgr[::-1]).max() < 3
