"""Our average precision equals that of the library behind published figures."""

# numpy 1.26 leaves the types of Generator.integers open.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.evaluation.average_precision import (
    SceneDetections,
    SceneTruth,
    bootstrap,
    coco_precision,
    match,
    precision_of,
)

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

CATEGORIES = 6


def _random_scenes(seed: int, count: int = 40) -> tuple[list[SceneTruth], list[SceneDetections]]:
    """Truths, and found boxes near them, beside them, doubled, and of wrong categories."""
    rng = np.random.default_rng(seed)
    truths: list[SceneTruth] = []
    detections: list[SceneDetections] = []
    for _ in range(count):
        n = int(rng.integers(0, 9))
        corner, size = rng.uniform(0, 400, (n, 2)), rng.uniform(10, 90, (n, 2))
        boxes = np.concatenate([corner, corner + size], 1)
        categories = rng.integers(0, CATEGORIES - 1, n)  # the last category never occurs
        truths.append(SceneTruth(boxes, categories, rng.random(n) < 0.8))
        near = np.repeat(boxes, 2, 0) + rng.normal(0, 5, (2 * n, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 2)
        away = rng.uniform(0, 300, (4, 2))
        found = np.concatenate([near, np.concatenate([away, away + 40], 1)])
        labels = np.concatenate([np.repeat(categories, 2), rng.integers(0, CATEGORIES, 4)])
        detections.append(SceneDetections(found, labels, rng.random(len(found)).round(2)))  # rounded: ties occur
    return truths, detections


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_summed_matches_give_the_same_precision_as_faster_coco_eval(seed: int) -> None:
    truths, detections = _random_scenes(seed)

    ours = precision_of(match(truths, detections, CATEGORIES), np.ones((1, len(truths))))[0]

    np.testing.assert_allclose(ours, coco_precision(truths, detections, CATEGORIES), atol=1e-9)


def test_a_scene_drawn_twice_counts_twice() -> None:
    truths, detections = _random_scenes(4)
    weights = np.random.default_rng(0).integers(0, 3, len(truths))
    rows = np.repeat(np.arange(len(truths)), weights)

    ours = precision_of(match(truths, detections, CATEGORIES), weights[None].astype(np.float64))[0]

    again = coco_precision([truths[row] for row in rows], [detections[row] for row in rows], CATEGORIES)
    np.testing.assert_allclose(ours, again, atol=0.01)  # equal scores stand in another order


def test_the_interval_holds_the_figure_and_narrows_with_more_scenes() -> None:
    def figure(table: NDArray[np.float64]) -> dict[str, float]:
        return {"AP": float(np.nanmean(table))}

    widths: list[float] = []
    for count in (15, 150):
        truths, detections = _random_scenes(5, count)
        matches = match(truths, detections, CATEGORIES)
        low, high = bootstrap(matches, count, figure, resamples=30)["AP"]
        assert low < figure(precision_of(matches, np.ones((1, count)))[0])["AP"] < high
        widths.append(high - low)

    assert widths[1] < widths[0] * 0.6


def test_perfect_answers_score_one_and_no_answers_score_nothing() -> None:
    truths, _ = _random_scenes(6)
    perfect = [SceneDetections(t.boxes_xyxy, t.categories, np.ones(len(t.categories))) for t in truths]
    nothing = [SceneDetections(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0)) for _ in truths]

    assert np.nanmin(coco_precision(truths, perfect, CATEGORIES)) == pytest.approx(1.0)
    assert np.nanmax(coco_precision(truths, nothing, CATEGORIES)) == 0.0
    assert np.isnan(coco_precision(truths, nothing, CATEGORIES)[0, CATEGORIES - 1])


def test_what_is_not_counted_is_neither_missed_nor_wrongly_found() -> None:
    box = np.array([[10.0, 10, 50, 50]])
    hidden = SceneTruth(np.concatenate([box, box + 100.0]), np.array([0, 0]), np.array([True, False]))
    both = SceneDetections(np.concatenate([box, box + 100.0]), np.array([0, 0]), np.array([0.5, 0.9]))
    one = SceneDetections(box, np.array([0]), np.array([0.5]))

    assert coco_precision([hidden], [both], 1)[0, 0] == pytest.approx(1.0)
    assert coco_precision([hidden], [one], 1)[0, 0] == pytest.approx(1.0)
