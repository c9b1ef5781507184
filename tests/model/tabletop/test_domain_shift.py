"""Domain shifts: boxes follow the picture, and unknown shapes are never in the prompt."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.evaluation.shift_recall import SHIFTS, recall_under_shifts
from groundcast.model.prompt import Prompt
from groundcast.model.tabletop.dataset import FIRST_SEED, OBJECT_DTYPE, SceneShard
from groundcast.model.tabletop.domain_shift import PAINTS, add_unknown_shapes, dim, far_away
from groundcast.model.tabletop.vocabulary import vocabulary
from groundcast.model.tabletop.words import COLOURS
from groundcast.model.training.stored_scenes import StoredScene
from groundcast.model.training.tabletop_batches import BatchOptions, TabletopBatches, draw_wishes

Picture = NDArray[np.uint8]


def _marked(left: int, top: int, right: int, bottom: int) -> tuple[Picture, NDArray[np.float32]]:
    """A white box on black, and where it is."""
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[top:bottom, left:right] = 250
    return picture, np.array([[left, top, right, bottom]], np.float32)


@pytest.mark.parametrize("scale", [0.4, 0.5, 0.85])
@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.5, 0.5), (1.0, 0.3)])
def test_boxes_follow_a_picture_that_is_far_away(scale: float, corner: tuple[float, float]) -> None:
    picture, boxes = _marked(100, 60, 180, 120)
    shown, moved = far_away(picture, boxes, scale, 90, corner)
    rows, columns = np.nonzero(shown[..., 0] > 170)
    seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(moved[0], seen, atol=1.0)
    assert shown.shape == picture.shape
    assert (shown[:, -1] == 90).all() or corner[0] == 1.0


def test_light_leaves_the_picture_darker_and_no_darker() -> None:
    picture = np.full((4, 4, 3), 200, np.uint8)
    assert (dim(picture, 0.25) == 50).all()


def test_unknown_shapes_stand_beside_what_is_there_and_are_where_they_are_said_to_be() -> None:
    picture, boxes = _marked(100, 60, 180, 120)
    for seed in range(20):
        shown, drawn, colours = add_unknown_shapes(picture, boxes, 3, np.random.default_rng(seed))
        changed = (shown != picture).any(-1)
        assert not changed[60:120, 100:180].any()
        assert len(drawn) == len(colours) > 0
        assert set(colours) <= set(COLOURS)
        for left, top, right, bottom in drawn.astype(int):
            assert changed[top:bottom, left:right].mean() > 0.25
            changed[top - 1 : bottom + 1, left - 1 : right + 1] = False
        assert not changed.any()


def test_every_colour_that_has_a_word_has_a_paint() -> None:
    assert set(PAINTS) == set(COLOURS)


def test_the_colour_of_an_unknown_shape_is_not_asked_for_as_absent_but_its_likeness_is() -> None:
    asked: set[tuple[str | None, str | None]] = set()
    for seed in range(300):
        asked |= set(draw_wishes([("red", "mug")], [("red", "mug"), ("blue", "unknown")], np.random.default_rng(seed)))
    assert ("blue", None) not in asked
    assert {("blue", "ball"), (None, "ball"), ("green", None)} <= asked


def test_training_pictures_are_dark_far_and_with_unknown_shapes_as_often_as_said() -> None:
    picture, boxes = _marked(130, 90, 190, 150)
    picture[picture == 0] = 120
    scene = StoredScene(picture, (("white", "cube"),), boxes, np.ones(1, np.float32))
    usual = BatchOptions(size=4, dark=0.0, far=0.0, unknown=0.0, scales=(1.0, 1.0))
    tokenizer = Tokenizer(vocabulary())

    def brightness(options: BatchOptions) -> float:
        batch = TabletopBatches([scene], tokenizer, options)(0)
        return float(batch.pictures_B3HW.mean())

    assert brightness(replace(usual, dark=1.0)) < brightness(usual) - 0.5  # in standard deviations of colour

    def widest(options: BatchOptions) -> float:
        batch = TabletopBatches([scene], tokenizer, options)(1)
        return max(float(truth.boxes_G4[:, 2:].max()) for truth in batch.truths if len(truth.boxes_G4))

    assert widest(replace(usual, far=1.0)) < 0.9 * widest(usual)


class _Bright:
    """Finds the white box in whatever light above a third, and calls it as it is asked to."""

    info = DetectorInfo("bright", "float32", "mean")

    def detect(self, images: Sequence[Picture], prompts: Sequence[Prompt]) -> list[Detections]:
        answers: list[Detections] = []
        for image, prompt in zip(images, prompts, strict=True):
            rows, columns = np.nonzero((image > 90).all(-1))
            box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]] if len(rows) else [])
            label = prompt.names.index("white cube")
            found = box.reshape(-1, 4).astype(np.float32)
            answers.append(
                Detections(prompt.names, found, np.full(len(found), 0.9, np.float32), np.full(len(found), label))
            )
        return answers


def test_recall_is_said_for_each_shift(tmp_path: Path) -> None:
    rows = np.zeros(2, OBJECT_DTYPE)
    rows["scene"], rows["visible"], rows["box_xyxy"] = [0, 1], 1.0, [[100, 60, 180, 120]] * 2
    rows["colour"], rows["kind"] = COLOURS.index("white"), 0
    np.save(tmp_path / "objects.npy", rows)
    for scene in range(2):
        cv2.imwrite(str(tmp_path / f"{scene:05d}.jpg"), cv2.resize(_marked(100, 60, 180, 120)[0], (640, 480)))
    results = recall_under_shifts(_Bright(), SceneShard(tmp_path, FIRST_SEED["eval"], 2))
    assert list(results) == list(SHIFTS)
    assert (results["as rendered"].recall, results["as rendered"].objects) == (1.0, 2)
    assert results["half the light"].recall == 1.0
    assert results["a quarter of the light"].recall == 0.0
    assert results["half the size, on grey"].recall == 0.0  # grey is bright, too
    assert results["beside unknown shapes"].unknown_shapes > 0
    assert results["as rendered"].taken is None
