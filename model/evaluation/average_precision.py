"""Average precision of scenes with exact truth, and its bootstrap interval; `coco_judge` has that of photos.

The figures are faster-coco-eval's. The bootstrap draws scenes with replacement many times, which would take hours with
the library; so matches are stored per scene here, and the same figures are computed from them by summing.

Letters: K category, N detections of a category, R resample, S scene, T IoU threshold.
"""

# faster-coco-eval comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .box_overlap import areas, intersections

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
MAX_DETECTIONS = 100
_RECALLS = np.linspace(0.0, 1.0, 101)
_BLOCK = 50


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """The true objects of one scene. n objects.

    Args:
        boxes_xyxy: (n, 4) px.
        categories: (n,) each object's phrase.
        counted: (n,) False: neither finding nor missing it counts, as for COCO's crowds.
    """

    boxes_xyxy: NDArray[np.float64]
    categories: NDArray[np.int64]
    counted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SceneDetections:
    """The detections of one scene. n boxes, px, with the phrase and the score of each."""

    boxes_xyxy: NDArray[np.float64]
    categories: NDArray[np.int64]
    scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CategoryMatches:
    """The detections of one category in all scenes, best first.

    Args:
        scenes: (N,) each detection's scene.
        right: (T, N) it matches a counted truth.
        wrong: (T, N) it matches nothing (those that match an uncounted truth are neither).
        truths: (S,) the number of counted truths per scene.
    """

    scenes: NDArray[np.int64]
    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    truths: NDArray[np.int64]


def coco_precision(
    truths: Sequence[SceneTruth], detections: Sequence[SceneDetections], categories: int
) -> NDArray[np.float64]:
    """(T, K) average precision from faster-coco-eval; NaN for a category without counted truths."""
    from faster_coco_eval import COCO, COCOeval_faster

    images = [{"id": row + 1, "width": 640, "height": 480} for row in range(len(truths))]
    names = [{"id": k + 1, "name": str(k)} for k in range(categories)]
    wanted = [
        {**_coco_box(box), "id": 0, "image_id": row + 1, "category_id": int(k) + 1, "iscrowd": int(not counted)}
        for row, truth in enumerate(truths)
        for box, k, counted in zip(truth.boxes_xyxy, truth.categories, truth.counted, strict=True)
    ]
    for number, entry in enumerate(wanted):
        entry["id"] = number + 1
    answers = [
        {**_coco_box(box), "image_id": row + 1, "category_id": int(k) + 1, "score": float(score)}
        for row, found in enumerate(detections)
        for box, k, score in zip(found.boxes_xyxy, found.categories, found.scores, strict=True)
    ]
    if not answers:
        return np.where([_is_wanted(wanted, k + 1) for k in range(categories)], 0.0, np.nan)[None].repeat(10, 0)
    ground = COCO({"images": images, "categories": names, "annotations": wanted})
    judge = COCOeval_faster(ground, ground.loadRes(answers), "bbox")
    judge.params.maxDets = [1, 10, MAX_DETECTIONS]
    judge.evaluate()
    judge.accumulate()
    precision = np.asarray(judge.eval["precision"])[:, :, :, 0, -1]  # (T, recalls, K) over all areas
    return np.where((precision < 0).any(1), np.nan, precision.mean(1))


def match(
    truths: Sequence[SceneTruth], detections: Sequence[SceneDetections], categories: int
) -> list[CategoryMatches]:
    """COCO's matching: in order of score, each detection takes the unmatched truth with the highest IoU."""
    matched: list[CategoryMatches] = []
    for k in range(categories):
        scores: list[NDArray[np.float64]] = []
        scenes: list[NDArray[np.int64]] = []
        states: list[NDArray[np.int8]] = []
        counts = np.zeros(len(truths), np.int64)
        for row, (truth, found) in enumerate(zip(truths, detections, strict=True)):
            is_truth, is_found = truth.categories == k, found.categories == k
            counts[row] = np.count_nonzero(is_truth & truth.counted)
            if not is_found.any():
                continue
            order = np.argsort(-found.scores[is_found], kind="stable")[:MAX_DETECTIONS]
            boxes = found.boxes_xyxy[is_found][order]
            scores.append(found.scores[is_found][order])
            scenes.append(np.full(len(order), row))
            states.append(_match_scene(boxes, truth.boxes_xyxy[is_truth], truth.counted[is_truth]))
        every = np.argsort(-np.concatenate(scores), kind="stable") if scores else np.zeros(0, np.int64)
        state = np.concatenate(states, 1)[:, every] if states else np.zeros((len(IOU_THRESHOLDS), 0), np.int8)
        where = np.concatenate(scenes)[every] if scenes else np.zeros(0, np.int64)
        matched.append(CategoryMatches(where, state == _RIGHT, state == _WRONG, counts))
    return matched


def precision_of(matches: Sequence[CategoryMatches], weights_RS: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, T, K) average precision when scene s counts `weights_RS[r, s]` times."""
    table = np.full((len(weights_RS), len(IOU_THRESHOLDS), len(matches)), np.nan)
    for k, category in enumerate(matches):
        for start in range(0, len(weights_RS), _BLOCK):
            rows = slice(start, start + _BLOCK)
            table[rows, :, k] = _category_precision(category, weights_RS[rows])
    return table


def bootstrap(
    matches: Sequence[CategoryMatches],
    scenes: int,
    figure: Callable[[NDArray[np.float64]], dict[str, float]],
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The 95 % interval of each figure of a (T, K) table, over scenes drawn with replacement.

    A figure that is NaN in every draw is omitted.
    """
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(scenes, np.full(scenes, 1.0 / scenes), resamples).astype(np.float64)
    drawn = [figure(table) for table in precision_of(matches, weights)]
    intervals: dict[str, tuple[float, float]] = {}
    for name in drawn[0]:
        known = [one[name] for one in drawn if not np.isnan(one[name])]
        if known:
            low, high = np.percentile(known, [2.5, 97.5])
            intervals[name] = (float(low), float(high))
    return intervals


_WRONG, _RIGHT, _IGNORED = 0, 1, 2


def _match_scene(
    boxes: NDArray[np.float64], truths: NDArray[np.float64], counted: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """(T, n) the outcome of each detection of one scene and category, in order of score."""
    state = np.full((len(IOU_THRESHOLDS), len(boxes)), _WRONG, np.int8)
    if len(truths) == 0:
        return state
    overlap = _overlaps(boxes, truths, counted)
    on_other = np.where(counted[None], 0.0, overlap).max(1)
    near = np.flatnonzero(overlap.max(1) >= IOU_THRESHOLDS[0]).tolist()
    shares = overlap.tolist()
    for t, threshold in enumerate(IOU_THRESHOLDS):
        free = np.flatnonzero(counted)[::-1].tolist()  # of equal overlaps COCO takes the last
        for n in near:
            best = max(free, key=shares[n].__getitem__, default=-1)
            if best >= 0 and shares[n][best] >= threshold:
                free.remove(best)
                state[t, n] = _RIGHT
            elif on_other[n] >= threshold:  # a crowd matches any number of boxes
                state[t, n] = _IGNORED
    return state


def _overlaps(
    boxes: NDArray[np.float64], truths: NDArray[np.float64], counted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n, m) IoU; with an uncounted truth the share of the detection inside it, as COCO does with crowds."""
    inner, area = intersections(boxes, truths), areas(boxes)[:, None]
    whole = np.where(counted[None], area + areas(truths)[None] - inner, area)
    return inner / np.maximum(whole, 1e-12)


def _category_precision(category: CategoryMatches, weights_RS: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, T): the mean over 101 recalls of the best precision at that recall or above."""
    wanted_R = weights_RS @ category.truths
    weights_R1N = weights_RS[:, None, category.scenes]
    right_RTN = np.cumsum(category.right * weights_R1N, -1)
    wrong_RTN = np.cumsum(category.wrong * weights_R1N, -1)
    precision_RTN = right_RTN / (right_RTN + wrong_RTN + np.spacing(1))
    best_RTN = np.maximum.accumulate(precision_RTN[..., ::-1], -1)[..., ::-1]
    table = np.full(right_RTN.shape[:2], np.nan)
    for r in np.flatnonzero(wanted_R > 0):
        for t in range(table.shape[1]):
            places = np.searchsorted(right_RTN[r, t] / wanted_R[r], _RECALLS, side="left")
            reached = places[places < right_RTN.shape[2]]
            table[r, t] = best_RTN[r, t, reached].sum() / len(_RECALLS)
    return table


def _coco_box(box_xyxy: NDArray[np.float64]) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(value) for value in box_xyxy)
    return {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}


def _is_wanted(entries: Sequence[dict[str, Any]], category: int) -> bool:
    return any(entry["category_id"] == category and not entry["iscrowd"] for entry in entries)
