"""Recall under domain shift: how much a detector finds in pictures unlike its training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ..detections import Detections
from ..prompt import Phrase, Prompt
from ..tabletop.dataset import INPUT_WIDTH_PX, SceneShard, is_counted
from ..tabletop.domain_shift import add_unknown_shapes, dim, far_away
from ..tabletop.words import COLOURS, KINDS, phrase
from .box_overlap import ious
from .tabletop_eval import PictureDetector, ask

MIN_SCORE, MIN_IOU = 0.3, 0.5
_UNKNOWN_SHAPES = 4
_GREY = 128

Picture = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Shift = Callable[[Picture, Boxes, np.random.Generator], tuple[Picture, Boxes, Boxes]]


@dataclass(frozen=True, slots=True)
class ShiftResult:
    """The recall under one domain shift.

    Args:
        recall: of objects that count, by boxes of their own phrase with a score of 0.3 and an IoU of 0.5.
        objects: the number of objects that count.
        taken: the fraction of shapes of unknown kinds that were detected as some phrase; None without any.
        unknown_shapes: the number of these shapes.
    """

    recall: float
    objects: int
    taken: float | None
    unknown_shapes: int

    def as_dict(self) -> dict[str, float | None]:
        """Plain values, rounded, for JSON."""
        return {name: None if value is None else round(value, 4) for name, value in asdict(self).items()}


def _dimmed(light: float) -> Shift:
    return lambda picture, boxes, _: (dim(picture, light), boxes, boxes[:0])


def _as_rendered(picture: Picture, boxes: Boxes, _: np.random.Generator) -> tuple[Picture, Boxes, Boxes]:
    return picture, boxes, boxes[:0]


def _half_size(picture: Picture, boxes: Boxes, _: np.random.Generator) -> tuple[Picture, Boxes, Boxes]:
    shown, moved = far_away(picture, boxes, 0.5, _GREY)
    return shown, moved, boxes[:0]


def _with_unknown(picture: Picture, boxes: Boxes, rng: np.random.Generator) -> tuple[Picture, Boxes, Boxes]:
    shown, drawn, _ = add_unknown_shapes(picture, boxes, _UNKNOWN_SHAPES, rng)
    return shown, boxes, drawn


SHIFTS: dict[str, Shift] = {
    "as rendered": _as_rendered,
    "half the light": _dimmed(0.5),
    "a quarter of the light": _dimmed(0.25),
    "half the size, on grey": _half_size,
    "beside unknown shapes": _with_unknown,
}


def recall_under_shifts(
    detector: PictureDetector, shard: SceneShard, batch: int = 8, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, ShiftResult]:
    """The results by the shift's name, with the same prompts as `evaluate_tabletop`.

    Args:
        detector: the detector under evaluation.
        shard: evaluation scenes.
        batch: pictures per call.
        on_progress: called with (scenes done, scenes in all).
    """
    rows, all_done = shard.objects(), shard.count * len(SHIFTS)
    results: dict[str, ShiftResult] = {}
    for number, (name, shift) in enumerate(SHIFTS.items()):
        found = objects = taken = shapes = 0
        for first in range(0, shard.count, batch):
            scenes = range(first, min(first + batch, shard.count))
            own = [rows[rows["scene"] == scene] for scene in scenes]
            shown = [_shown(shard, scene, rows, shift) for scene, rows in zip(scenes, own, strict=True)]
            prompts = [_usual(ask(rows, shard.first_seed + scene)) for scene, rows in zip(scenes, own, strict=True)]
            answers = detector.detect([picture for picture, _, _ in shown], prompts)
            for scene_rows, (_, boxes, unknown), answer in zip(own, shown, answers, strict=True):
                hits = _found(answer, scene_rows, boxes)
                found, objects = found + int(hits.sum()), objects + len(hits)
                taken, shapes = taken + _taken(answer, unknown), shapes + len(unknown)
            if on_progress is not None:
                on_progress(number * shard.count + scenes.stop, all_done)
        results[name] = ShiftResult(found / max(objects, 1), objects, taken / shapes if shapes else None, shapes)
    return results


def _shown(shard: SceneShard, scene: int, rows: NDArray[np.void], shift: Shift) -> tuple[Picture, Boxes, Boxes]:
    picture = shard.picture(scene)
    boxes = rows["box_xyxy"].reshape(-1, 4) * np.float32(picture.shape[1] / INPUT_WIDTH_PX)
    return shift(picture, boxes, np.random.default_rng([shard.first_seed + scene, 3]))


def _usual(prompt: Prompt) -> Prompt:
    return Prompt(tuple(Phrase(one.name, threshold=MIN_SCORE) for one in prompt.phrases))


def _found(answer: Detections, rows: NDArray[np.void], boxes: Boxes) -> NDArray[np.bool_]:
    """Whether each object that counts has a matching box of its phrase."""
    names = [phrase(COLOURS[int(row["colour"])], KINDS[int(row["kind"])]) for row in rows]
    labels = [answer.name(row) for row in range(len(answer))]
    is_same = np.array([[label == name for label in labels] for name in names], bool).reshape(len(names), len(labels))
    hits = ((ious(boxes, answer.boxes_xyxy) >= MIN_IOU) & is_same).any(1)
    return hits[is_counted(rows["box_xyxy"].reshape(-1, 4), rows["visible"])]


def _taken(answer: Detections, unknown: Boxes) -> int:
    return int((ious(unknown, answer.boxes_xyxy) >= MIN_IOU).any(1).sum())
