"""COCO and LVIS figures: average precision of detections that are there already, by faster-coco-eval."""

# faster-coco-eval comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.coco_data import FREQUENCIES, CocoData
from .average_precision import SceneDetections

BOXES_PER_CLASS = 100  # COCO: of one category in one picture
FIXED_BOXES_PER_CLASS = 10_000  # fixed AP: of one category in the whole set


@dataclass(frozen=True, slots=True)
class Judgement:
    """The figures of detections. T IoU thresholds, R recalls from 0 to 1, K categories.

    Args:
        figures: by name, 0..1; one that no object of the set determines is omitted.
        categories: the categories' numbers, in the order of `precision_TRK`.
        precision_TRK: the best precision at each recall or above; NaN for a category without counted objects.
    """

    figures: dict[str, float]
    categories: tuple[int, ...]
    precision_TRK: NDArray[np.float64]


Judge = Callable[[CocoData, Mapping[int, SceneDetections]], Judgement]

_BLOCK = 100  # categories per call: the library needs 1 kB for each with each picture
_NAMES = {"AP": "AP_all", "AP50": "AP_50", "AP75": "AP_75", "APs": "AP_small", "APm": "AP_medium", "APl": "AP_large"}
_LVIS_NAMES = {**_NAMES, "APr": "APr", "APc": "APc", "APf": "APf"}


def library() -> str:
    """The library that computes the figures, with its version."""
    return f"faster-coco-eval {version('faster-coco-eval')}"


def judge_as_coco(data: CocoData, detections: Mapping[int, SceneDetections]) -> Judgement:
    """AP (mean over ten IoU thresholds and the categories), AP50, AP75, and APs, APm, APl by the objects' area.

    Args:
        data: the truth.
        detections: the detections of each picture by its number; `categories` holds the categories' numbers.
    """
    answers = [
        answer for picture in data.pictures for answer in _library_boxes(picture.number, detections[picture.number])
    ]
    return _judge(data, answers, _NAMES, [1, 10, BOXES_PER_CLASS], lvis=False)


def judge_as_lvis(data: CocoData, detections: Mapping[int, SceneDetections]) -> Judgement:
    """Fixed AP of LVIS (https://arxiv.org/abs/2102.01066): the same, and APr, APc, APf by how frequent a category is.

    A category counts in the pictures where it is annotated or known to be absent; where it is not annotated
    exhaustively, unmatched boxes do not count. The best 10,000 boxes of each category in the whole set count, without
    a limit per picture.
    """
    best = best_of_classes(data, detections, FIXED_BOXES_PER_CLASS)
    answers = [answer for picture in data.pictures for answer in _library_boxes(picture.number, best[picture.number])]
    max_boxes = max(1, *(len(found.scores) for found in best.values()))
    return _judge(data, answers, _LVIS_NAMES, [max_boxes], lvis=True)


@dataclass(frozen=True, slots=True)
class Measure:
    """One way to compute figures.

    Args:
        judge: computes the figures.
        choices: stated in the result.
    """

    judge: Judge
    choices: Mapping[str, object]


COCO = Measure(judge_as_coco, {"ap": "COCO", "boxes_per_category_and_picture": BOXES_PER_CLASS})
LVIS = Measure(judge_as_lvis, {"ap": "fixed AP (arXiv 2102.01066)", "boxes_per_category": FIXED_BOXES_PER_CLASS})


def measure_of(data: CocoData) -> Measure:
    """LVIS's for federated data: COCO's would take every category that a picture does not state for absent."""
    return LVIS if data.is_federated else COCO


def best_of_classes(
    data: CocoData, detections: Mapping[int, SceneDetections], max_boxes: int
) -> dict[int, SceneDetections]:
    """The best boxes of each category over all pictures; of equal scores the earlier picture's."""
    numbers = [picture.number for picture in data.pictures]
    scores = np.concatenate([detections[number].scores for number in numbers])
    categories = np.concatenate([detections[number].categories for number in numbers])
    order = np.lexsort((-scores, categories))  # stable
    ordered = categories[order]
    starts = np.searchsorted(ordered, ordered, side="left")
    is_best = np.zeros(len(scores), np.bool_)
    is_best[order[np.arange(len(order)) - starts < max_boxes]] = True
    ends = np.cumsum([len(detections[number].scores) for number in numbers])
    best: dict[int, SceneDetections] = {}
    for number, rows in zip(numbers, np.split(is_best, ends[:-1]), strict=True):
        found = detections[number]
        best[number] = SceneDetections(found.boxes_xyxy[rows], found.categories[rows], found.scores[rows])
    return best


def _judge(
    data: CocoData, answers: list[dict[str, Any]], names: Mapping[str, str], max_boxes: list[int], *, lvis: bool
) -> Judgement:
    from faster_coco_eval import COCO, COCOeval_faster

    ground = COCO(_truth(data))
    judge = COCOeval_faster(ground, ground.loadRes(answers), "bbox", print_function=_ignore_output, lvis_style=lvis)
    judge.params.maxDets = max_boxes
    categories = sorted(data.categories, key=lambda one: one.number)
    numbers = [one.number for one in categories]
    parts: list[dict[str, Any]] = []
    for first in range(0, len(numbers), _BLOCK):
        judge.params.catIds = numbers[first : first + _BLOCK]
        judge.evaluate()
        judge.accumulate()
        parts.append({"precision": judge.eval["precision"], "recall": judge.eval["recall"]})
    judge.params.catIds = numbers
    judge.freq_groups = [[k for k, one in enumerate(categories) if one.frequency == f] for f in FREQUENCIES]
    judge.eval["precision"] = np.concatenate([part["precision"] for part in parts], 2)  # (T, recalls, K, areas, most)
    judge.eval["recall"] = np.concatenate([part["recall"] for part in parts], 1)
    judge.summarize()
    stats: dict[str, float] = judge.stats_as_dict
    figures = {name: float(stats[library_name]) for name, library_name in names.items() if stats[library_name] >= 0}
    precision_TRK = judge.eval["precision"][:, :, :, 0, -1]  # of objects of every size
    return Judgement(figures, tuple(numbers), np.where(precision_TRK < 0, np.nan, precision_TRK))


def _truth(data: CocoData) -> dict[str, Any]:
    """The data set in the library's format; annotations are numbered from 1, since 0 means 'no match' there."""
    images = [
        {
            "id": picture.number,
            "width": picture.width_px,
            "height": picture.height_px,
            "neg_category_ids": list(picture.absent or ()),
            "not_exhaustive_category_ids": list(picture.not_exhaustive),
        }
        for picture in data.pictures
    ]
    # The library needs a frequency for each category; `freq_groups` holds those that the data state.
    categories = [{"id": one.number, "name": one.name, "frequency": one.frequency or "f"} for one in data.categories]
    annotations = [
        {
            "id": number,
            "image_id": box.picture,
            "category_id": box.category,
            "bbox": list(box.box_xywh),
            "area": box.area_px,
            "iscrowd": int(box.crowd),
        }
        for number, box in enumerate(data.boxes, 1)
    ]
    return {"images": images, "categories": categories, "annotations": annotations}


def _library_boxes(picture: int, found: SceneDetections) -> list[dict[str, Any]]:
    """Boxes in the library's format. The empty outline keeps it from computing one for each box."""
    corner, size = found.boxes_xyxy[:, :2], found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]
    boxes, categories = np.concatenate([corner, size], 1).tolist(), found.categories.tolist()
    return [
        {"image_id": picture, "category_id": category, "bbox": box, "score": score, "segmentation": []}
        for box, category, score in zip(boxes, categories, found.scores.tolist(), strict=True)
    ]


def _ignore_output(*_: object, **__: object) -> None:
    """Replaces the library's progress output; the command has its own progress bar."""
