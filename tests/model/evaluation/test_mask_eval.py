"""Masks judged against exact ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.evaluation.mask_eval import MaskScene, boundary_f, evaluate_masks, mask_scenes
from groundcast.model.masks.mask import Mask, mask_of
from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.dataset import OBJECT_DTYPE
from groundcast.model.tabletop.words import COLOURS, KINDS


def _square(x: int, y: int, side: int = 40) -> NDArray[np.bool_]:
    pixels = np.zeros((480, 640), np.bool_)
    pixels[y : y + side, x : x + side] = True
    return pixels


def test_the_boundary_measure_falls_with_the_distance_of_the_edges() -> None:
    truth = _square(100, 100)

    assert boundary_f(truth, truth, 0.0) == 1.0
    assert boundary_f(_square(101, 100), truth, 2.0) == 1.0
    assert boundary_f(_square(108, 100), truth, 2.0) == pytest.approx(0.55, abs=0.1)
    assert boundary_f(_square(300, 300), truth, 2.0) == 0.0
    assert boundary_f(np.zeros_like(truth), truth, 2.0) == 0.0


class _Known:
    """Finds the scene's one object, in a box that is two pixels off."""

    info = DetectorInfo("known", "float32", "mean")

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt]) -> list[Detections]:
        names = prompts[0].names
        box = np.array([[102, 100, 142, 140], [400, 400, 440, 440]], np.float32)
        return [Detections(names, box, np.array([0.9, 0.8], np.float32), np.array([names.index("red mug")] * 2))]


class _Squares:
    """Masks that are shifted by a number of pixels; None for the second box."""

    def __init__(self, shift: int) -> None:
        self._shift = shift

    def masks(self, image: NDArray[np.uint8], boxes_xyxy: NDArray[np.float32]) -> list[Mask | None]:
        assert (image.shape, len(boxes_xyxy)) == ((480, 640, 3), 2)
        return [mask_of(_square(100 + self._shift, 100), 1.0), None]


def _scene() -> MaskScene:
    rows = np.zeros(1, OBJECT_DTYPE)
    rows["colour"], rows["kind"], rows["visible"] = COLOURS.index("red"), KINDS.index("mug"), 1.0
    rows["box_xyxy"] = np.array([50, 50, 70, 70], np.float32)
    labels = np.where(_square(100, 100), 0, -1).astype(np.int16)
    return MaskScene(np.zeros((480, 640, 3), np.uint8), rows, labels)


def test_figures_are_of_the_objects_that_were_matched() -> None:
    exact = evaluate_masks(_Known(), _Squares(0), iter([_scene(), _scene()]))
    shifted = evaluate_masks(_Known(), _Squares(10), iter([_scene()]))

    assert (exact.scenes, exact.objects, exact.matched, exact.without_mask) == (2, 2, 2, 0)
    assert (exact.iou, exact.boundary_f, exact.boundary_f_2px) == (1.0, 1.0, 1.0)
    assert exact.box_iou == pytest.approx(38 / 42)
    assert exact.intervals["iou"] == (1.0, 1.0)
    assert shifted.iou == pytest.approx(30 / 50)
    assert shifted.boundary_f < 0.8


def test_rendered_scenes_come_with_their_exact_masks() -> None:
    pytest.importorskip("mujoco", reason="needs the [eval] extra")

    scenes = list(mask_scenes(0, 2))

    assert len(scenes) == 2
    for scene in scenes:
        for row, one in enumerate(scene.objects):
            rows, columns = np.nonzero(scene.labels == row)
            around = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            assert np.array_equal(np.array(around) / 2, one["box_xyxy"])
