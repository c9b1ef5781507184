"""tabletop evaluation: average precision of a detector in the held-out tabletop scenes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..detections import Detections, DetectorInfo
from ..prompt import Phrase, Prompt
from ..tabletop.dataset import INPUT_WIDTH_PX, SceneShard, is_counted
from ..tabletop.words import COLOURS, HELD_OUT, KINDS, PAIRS, phrase
from .average_precision import SceneDetections, SceneTruth, bootstrap, coco_precision, match

PHRASES: tuple[str, ...] = tuple(phrase(*pair) for pair in PAIRS)
_UNSEEN: NDArray[np.bool_] = np.array([pair in HELD_OUT for pair in PAIRS])
_ABSENT_PER_WORD = 2
_CATEGORY = {name: row for row, name in enumerate(PHRASES)}


class PictureDetector(Protocol):
    """The detector under evaluation: returns detections for pictures and a prompt for each."""

    @property
    def info(self) -> DetectorInfo: ...

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt]) -> list[Detections]: ...


@dataclass(frozen=True, slots=True)
class EvalResult:
    """The figures of one evaluation.

    Args:
        figures: AP (COCO: mean over ten IoU thresholds and the phrases that occur), AP50, AP75, and AP50 of the
            never-trained pairs (unseen_AP50) and of all others (seen_AP50), all in the same prompts.
        intervals: 95 % interval of each figure, over scenes drawn with replacement.
        phrases: AP50 of each phrase that occurs.
        scenes: number of scenes.
        instances: objects that count (30 % visible, 12 px each way at the network's input).
        unseen_instances: those of never-trained pairs.
        seconds: for reading and detecting.
    """

    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    phrases: dict[str, float]
    scenes: int
    instances: int
    unseen_instances: int
    model: DetectorInfo
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """One flat map for JSON: the figures by name, each interval as `<name>_95`."""
        known = {name: value for name, value in self.figures.items() if not math.isnan(value)}
        rounded = {name: round(value, 4) for name, value in known.items()}
        intervals = {f"{name}_95": [round(low, 4), round(high, 4)] for name, (low, high) in self.intervals.items()}
        counts = {"scenes": self.scenes, "instances": self.instances, "unseen_instances": self.unseen_instances}
        return {**rounded, **intervals, **counts, "model": asdict(self.model), "seconds": round(self.seconds, 1)}


def evaluate_tabletop(
    detector: PictureDetector,
    shard: SceneShard,
    batch: int = 8,
    resamples: int = 200,
    on_progress: Callable[[int, int], None] | None = None,
) -> EvalResult:
    """Detect the phrases of each scene and absent ones, and evaluate the boxes as COCO does.

    Boxes of every score count: the curve needs them all. Each phrase is a category; objects of which too little is
    visible are crowds in COCO's sense, neither missed nor wrongly found.

    Args:
        detector: the detector under evaluation.
        shard: evaluation scenes.
        batch: pictures per call.
        resamples: draws for the intervals.
        on_progress: called with (scenes done, scenes in all).
    """
    objects = shard.objects()
    count = shard.count
    rows = [objects[objects["scene"] == scene] for scene in range(count)]
    detections: list[SceneDetections] = []
    started = time.monotonic()
    for first in range(0, count, batch):
        scenes = range(first, min(first + batch, count))
        prompts = [ask(rows[scene], shard.first_seed + scene) for scene in scenes]
        pictures = [shard.picture(scene) for scene in scenes]
        for picture, answer in zip(pictures, detector.detect(pictures, prompts), strict=True):
            detections.append(_found(answer, INPUT_WIDTH_PX / picture.shape[1]))
        if on_progress is not None:
            on_progress(scenes.stop, count)
    seconds = time.monotonic() - started
    truths = [_truth(own) for own in rows]
    table = coco_precision(truths, detections, len(PHRASES))
    intervals = bootstrap(match(truths, detections, len(PHRASES)), count, _figures, resamples)
    counted = np.concatenate([truth.categories[truth.counted] for truth in truths])
    return EvalResult(
        figures=_figures(table),
        intervals=intervals,
        phrases={name: float(table[0, k]) for k, name in enumerate(PHRASES) if not np.isnan(table[0, k])},
        scenes=count,
        instances=len(counted),
        unseen_instances=int(_UNSEEN[counted].sum()),
        model=detector.info,
        seconds=seconds,
    )


def ask(objects: NDArray[np.void], seed: int) -> Prompt:
    """The prompt of a scene: the visible objects and six absent phrases.

    Of the absent ones two share a colour with a present object, two a kind, two are any. Never-trained pairs are as
    frequent among them as others.
    """
    rng = np.random.default_rng([seed, 2])
    present = {(COLOURS[int(row["colour"])], KINDS[int(row["kind"])]) for row in objects}
    colours, kinds = {colour for colour, _ in present}, {kind for _, kind in present}
    pairs = sorted(present)
    akin = [
        [pair for pair in PAIRS if pair[0] in colours],
        [pair for pair in PAIRS if pair[1] in kinds],
        list(PAIRS),
    ]
    for pool in akin:
        free = [pair for pair in pool if pair not in pairs]
        pairs += [free[int(row)] for row in rng.permutation(len(free))[:_ABSENT_PER_WORD]]
    # The minimum score is 0: average precision ranks every box.
    return Prompt(tuple(Phrase(phrase(*pairs[int(row)]), threshold=0.0) for row in rng.permutation(len(pairs))))


def _figures(table: NDArray[np.float64]) -> dict[str, float]:
    """The named figures of a (thresholds, phrases) table of average precision."""
    return {
        "AP": _mean(table),
        "AP50": _mean(table[0]),
        "AP75": _mean(table[5]),
        "seen_AP50": _mean(table[0][~_UNSEEN]),
        "unseen_AP50": _mean(table[0][_UNSEEN]),
    }


def _mean(values: NDArray[np.float64]) -> float:
    """The mean over the phrases that occur; NaN if none does."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _truth(objects: NDArray[np.void]) -> SceneTruth:
    boxes = objects["box_xyxy"].reshape(-1, 4)
    categories = objects["colour"].astype(np.int64) * len(KINDS) + objects["kind"]
    return SceneTruth(boxes.astype(np.float64), categories, is_counted(boxes, objects["visible"]))


def _found(answer: Detections, input_from_picture: float) -> SceneDetections:
    categories = np.array([_CATEGORY[answer.name(row)] for row in range(len(answer))], np.int64)
    boxes = answer.boxes_xyxy.astype(np.float64) * input_from_picture
    return SceneDetections(boxes, categories, answer.scores.astype(np.float64))
