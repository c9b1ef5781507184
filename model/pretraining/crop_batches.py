"""Batches of a pretraining: crops drawn evenly over the classes, augmented, and the classes each is told apart from.

Letters: N crop, C class, P pixels of a crop's side.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..runtime.preprocess import normalise
from ..training.augment import disturb
from ..training.workers import Worker
from .crop_pictures import CONTEXT, STORED_PX, Image
from .crop_plan import CropLabels, CropPlan

_SIDES_PX = (64, 80, 96)
_SHOWN = (1.1, 1.9)  # the side of what is shown relative to the object's longer side
_OFF_CENTRE = 0.08
_MAX_STRETCH = 0.12
_MAX_TURN_RAD = 0.15
_COVERED = 0.2  # the fraction of crops of which a square is covered, a third of the side

_JUDGED_PX, _JUDGED_EDGE = 80, 20  # without chance; px, and what is left out of a stored crop on each side


@dataclass(frozen=True, slots=True)
class ObjectCrops:
    """Crops of one size with one class each; `allowed_NC` are the classes that the right one is told apart from."""

    pictures_N3PP: Tensor
    classes_N: Tensor
    allowed_NC: Tensor


class ObjectCropBatches:
    """`batch(number)`: the same number always gives the same crops.

    An example is a crop with one of its object's classes. Of a class with n examples each is drawn in proportion to
    1 / sqrt(n); each source of a mixture has its share.
    """

    def __init__(
        self, plan: CropPlan, crops: Image, size: int, seed: int, *, mirror: bool, worker: Worker | None = None
    ) -> None:
        """
        Args:
            plan: of the crops.
            crops: as `read_crops` returns them.
            size: crops in a batch of one worker.
            seed: of all that is drawn.
            mirror: mirror half of the crops, where the class of the mirrored object is known.
        """
        self._plan, self._crops, self._size, self._seed = plan, crops, size, seed
        self._mirror, self._worker = mirror, worker or Worker()
        self._examples = [(row, one) for row, labels in enumerate(plan.labels) for one in labels.classes]
        self._until = np.cumsum(_chances(plan, self._examples))

    def __call__(self, number: int) -> ObjectCrops:
        rng = np.random.default_rng([self._seed, number * self._worker.count + self._worker.rank, 6])
        side = int(rng.choice(_SIDES_PX))
        places = rng.random(self._size) * self._until[-1]
        drawn: list[int] = np.searchsorted(self._until, places, side="right").clip(0, len(self._until) - 1).tolist()
        shown: list[Image] = []
        classes: list[int] = []
        allowed_NC = np.zeros((self._size, len(self._plan.classes)), np.bool_)
        for place, example in enumerate(drawn):
            row, one = self._examples[example]
            picture = _augmented(self._crops[row], side, rng)
            allowed = allowed_classes(self._plan, self._plan.labels[row], one)
            if self._mirror and self._plan.mirrored[one] >= 0 and rng.random() < 0.5:
                picture, allowed, one = picture[:, ::-1], _mirrored(self._plan, allowed), self._plan.mirrored[one]
            shown.append(picture)
            classes.append(one)
            allowed_NC[place] = allowed
        pictures_N3PP = normalise(np.stack(shown), [(1.0, 1.0)] * self._size)
        return ObjectCrops(pictures_N3PP, torch.tensor(classes), torch.from_numpy(allowed_NC))


def judged_batches(plan: CropPlan, crops: Image, size: int) -> Iterator[ObjectCrops]:
    """Every crop once, with its first class and without augmentation."""
    edge = _JUDGED_EDGE
    for begin in range(0, len(crops), size):
        labels = plan.labels[begin : begin + size]
        inner = crops[begin : begin + size, edge:-edge, edge:-edge]
        shown = np.empty((len(labels), _JUDGED_PX, _JUDGED_PX, 3), np.uint8)
        for row, one in enumerate(inner):
            shown[row] = cv2.resize(one, (_JUDGED_PX, _JUDGED_PX), interpolation=cv2.INTER_AREA)
        classes = [one.classes[0] for one in labels]
        allowed_NC = np.stack([allowed_classes(plan, one, one.classes[0]) for one in labels])
        pictures_N3PP = normalise(shown, [(1.0, 1.0)] * len(labels))
        yield ObjectCrops(pictures_N3PP, torch.tensor(classes), torch.from_numpy(allowed_NC))


def allowed_classes(plan: CropPlan, labels: CropLabels, one: int) -> NDArray[np.bool_]:
    """(C,): the class itself, and those that are known not to be true of the crop's object."""
    allowed_C = plan.known_SC[labels.source].copy()
    allowed_C[[*labels.classes, *labels.open]] = False
    allowed_C[one] = True
    return allowed_C


def _chances(plan: CropPlan, examples: list[tuple[int, int]]) -> NDArray[np.float64]:
    classes = np.array([one for _, one in examples])
    counts = np.bincount(classes, minlength=len(plan.classes))
    chances = 1 / np.sqrt(counts[classes])
    if not plan.shares:
        return chances
    sources = np.array([plan.labels[row].source for row, _ in examples])
    sums = np.bincount(sources, chances, minlength=len(plan.shares))
    return chances * (np.array(plan.shares) / np.maximum(sums, 1e-9))[sources]


def _mirrored(plan: CropPlan, allowed_C: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The allowed classes of the mirrored crop; a class without a counterpart is left open."""
    before = np.array(plan.mirrored)
    moved = np.zeros_like(allowed_C)
    moved[before[before >= 0]] = allowed_C[before >= 0]
    return moved


def _augmented(stored: Image, side: int, rng: np.random.Generator) -> Image:
    """What a stored crop shows of its object at another size, place, angle and light."""
    object_px = STORED_PX / CONTEXT
    size_px = object_px * rng.uniform(*_SHOWN)
    middle = STORED_PX / 2 + rng.uniform(-_OFF_CENTRE, _OFF_CENTRE, 2) * size_px
    stretch, angle = math.exp(rng.uniform(-_MAX_STRETCH, _MAX_STRETCH)), rng.uniform(-_MAX_TURN_RAD, _MAX_TURN_RAD)
    scale, cos, sin = side / size_px, math.cos(angle), math.sin(angle)
    shown_from_stored = np.array([[cos * scale * stretch, -sin * scale], [sin * scale, cos * scale / stretch]])
    shift = side / 2 - shown_from_stored @ middle
    moved = cv2.warpAffine(
        stored,
        np.column_stack([shown_from_stored, shift]),
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    shown = disturb(np.asarray(moved, np.uint8), rng)
    if rng.random() < _COVERED:
        x, y = rng.integers(0, side - side // 3, 2).tolist()
        shown[y : y + side // 3, x : x + side // 3] = rng.integers(0, 256, 3)
    return shown
