"""The confusion matrix, and the figures of each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from groundcast.model.datasets.coco_data import CheckedFile, CocoBox, CocoCategory, CocoData, CocoPicture, read_coco
from groundcast.model.evaluation.average_precision import SceneDetections
from groundcast.model.evaluation.class_figures import class_figures
from groundcast.model.evaluation.coco_judge import judge_as_coco
from groundcast.model.evaluation.confusion import best_score, confusion

from ..datasets.coco_sets import draw_found, draw_set, write_set

HERE, THERE = (10.0, 10.0, 40.0, 40.0), (100.0, 100.0, 40.0, 40.0)  # xywh


def _data(absent: tuple[int, ...] | None) -> CocoData:
    """One picture with a mug (5) and a ball (6); of cans (7) nothing may be known."""
    return CocoData(
        CheckedFile(Path("made.json"), "", 0, 0),
        (CocoPicture(1, Path("1.png"), 200, 200, absent),),
        (CocoCategory(5, "mug"), CocoCategory(6, "ball"), CocoCategory(7, "can")),
        (CocoBox(1, 5, HERE, 1600, crowd=False), CocoBox(1, 6, THERE, 1600, crowd=False)),
    )


def _found(*boxes: tuple[tuple[float, float, float, float], int, float]) -> dict[int, SceneDetections]:
    xyxy = [(x, y, x + width, y + height) for (x, y, width, height), _, _ in boxes]
    categories, scores = [one[1] for one in boxes], [one[2] for one in boxes]
    return {
        1: SceneDetections(np.array(xyxy, np.float64).reshape(-1, 4), np.array(categories, np.int64), np.array(scores))
    }


def test_right_wrong_missed_and_made_up_boxes_have_their_places() -> None:
    found = _found((HERE, 5, 0.9), (THERE, 7, 0.8), ((60.0, 5.0, 20.0, 20.0), 6, 0.7), (THERE, 6, 0.1))

    table = confusion(_data(None), found, 0.5)

    assert table.names == ("mug", "ball", "can")
    assert table.counts.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


@pytest.mark.parametrize(("absent", "counted"), [((), 0), ((7,), 1)])
def test_a_box_of_a_class_that_the_picture_does_not_state_is_not_wrong(absent: tuple[int, ...], counted: int) -> None:
    table = confusion(_data(absent), _found(((60.0, 5.0, 20.0, 20.0), 7, 0.7)), 0.5)

    assert table.counts[3, 2] == counted


def test_the_best_score_keeps_what_is_right_and_drops_what_is_wrong() -> None:
    found = _found((HERE, 5, 0.6), (THERE, 6, 0.5), ((60.0, 5.0, 20.0, 20.0), 6, 0.3))

    assert best_score(_data(None), found) == 0.5


@pytest.mark.parametrize("seed", [1, 2])
def test_the_mean_over_classes_is_the_whole_set_s_figure(tmp_path: Path, seed: int) -> None:
    pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")
    content = draw_set(seed)
    data = read_coco(write_set(tmp_path, content), tmp_path)
    judgement = judge_as_coco(data, draw_found(content, seed))

    classes = class_figures(data, judgement)

    assert np.mean([one.ap for one in classes]) == pytest.approx(judgement.figures["AP"])
    assert np.mean([one.ap50 for one in classes]) == pytest.approx(judgement.figures["AP50"])
    assert sum(one.instances for one in classes) == data.instances
