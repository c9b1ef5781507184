"""COCO evaluation: runs a detector over a data set, category by category; a judge computes the figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..datasets.coco_data import CocoCategory, CocoData, read_picture
from ..detections import Detections, DetectorInfo
from ..prompt import Phrase, Prompt, PromptError
from .average_precision import SceneDetections
from .coco_judge import Judge, Judgement


class CocoDetector(Protocol):
    """The detector under evaluation."""

    @property
    def info(self) -> DetectorInfo: ...

    def check(self, prompt: Prompt) -> None: ...

    def detect(self, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt]) -> list[Detections]: ...


class FoundStore(Protocol):
    """A store of detections by the picture's number."""

    found: dict[int, SceneDetections]

    def add(self, found: Mapping[int, SceneDetections]) -> None: ...


@dataclass(frozen=True, slots=True)
class CocoResult:
    """The figures of one data set.

    Args:
        figures: by name, 0..1; one that the set does not determine is absent.
        choices: every setting that affects them.
        pictures, instances: the numbers of pictures, and of objects that count.
        seconds: for reading, detecting and evaluating, in this run alone.
        judgement: the source of the figures; None for sentences.
    """

    figures: dict[str, float]
    choices: dict[str, object]
    pictures: int
    instances: int
    seconds: float
    judgement: Judgement | None = None

    def as_dict(self) -> dict[str, object]:
        """One flat map for JSON."""
        rounded = {name: round(value, 4) for name, value in self.figures.items()}
        counts = {"pictures": self.pictures, "instances": self.instances}
        return {**rounded, **counts, **self.choices, "seconds": round(self.seconds, 1)}


@dataclass(frozen=True, slots=True)
class Judged:
    """A data set, the detections in its pictures (by their numbers), and their figures."""

    data: CocoData
    detections: Mapping[int, SceneDetections]
    result: CocoResult


def prompts_of(categories: Sequence[CocoCategory], chunk: int) -> list[Prompt]:
    """One prompt for each `chunk` of categories. A phrase is named by its category's number: two may share a wording.

    Every box counts, whatever its score: average precision ranks them all.
    """
    phrases = [Phrase(str(one.number), (one.wording,), threshold=0.0) for one in categories]
    return [Prompt(tuple(phrases[first : first + chunk])) for first in range(0, len(phrases), chunk)]


def can_answer(detector: CocoDetector, wording: str) -> bool:
    """Whether the model has words for a category."""
    try:
        detector.check(Prompt((Phrase("category", (wording,)),)))
    except PromptError:
        return False
    return True


def check_prompts(detector: CocoDetector, prompts: Sequence[Prompt]) -> None:
    """Check that the model can answer all prompts.

    Raises:
        PromptError: words that it was not taught, or a chunk that is too long.
    """
    for number, prompt in enumerate(prompts, 1):
        try:
            detector.check(prompt)
        except PromptError as error:
            raise PromptError(f"chunk {number} of {len(prompts)} (see --chunk): {error}") from error


def evaluate_coco(
    detector: CocoDetector,
    data: CocoData,
    store: FoundStore,
    judge: Judge,
    choices: Mapping[str, object],
    *,
    chunk: int,
    boxes: int,
    batch: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
) -> CocoResult:
    """Detect in the pictures that are not in the store yet, then evaluate all of them.

    Args:
        detector: the detector under evaluation.
        data: the pictures and the truth.
        store: keeps the detections.
        judge: computes the figures.
        choices: settings stated in the result.
        chunk: categories per pass of the network.
        boxes: the number of best pairs of box and category kept per picture, over all chunks.
        batch: pictures per call.
        on_progress: called with (pictures done, pictures in all).

    Raises:
        CocoError: a picture cannot be read.
        PromptError: see `check_prompts`.
    """
    started = time.monotonic()
    prompts = prompts_of(data.categories, chunk)
    check_prompts(detector, prompts)
    left = [picture for picture in data.pictures if picture.number not in store.found]
    done = len(data.pictures) - len(left)
    for first in range(0, len(left), batch):
        pictures = left[first : first + batch]
        images = [read_picture(picture) for picture in pictures]
        detections = _detect(detector, images, prompts, boxes)
        store.add({picture.number: found for picture, found in zip(pictures, detections, strict=True)})
        if on_progress is not None:
            on_progress(done + first + len(pictures), len(data.pictures))
    judgement = judge(data, store.found)
    seconds = time.monotonic() - started
    return CocoResult(judgement.figures, dict(choices), len(data.pictures), data.instances, seconds, judgement)


def _detect(
    detector: CocoDetector, images: Sequence[NDArray[np.uint8]], prompts: Sequence[Prompt], boxes: int
) -> list[SceneDetections]:
    answers = [detector.detect(images, [prompt] * len(images)) for prompt in prompts]
    return [_merge([chunk[row] for chunk in answers], boxes) for row in range(len(images))]


def _merge(answers: Sequence[Detections], boxes: int) -> SceneDetections:
    """The best pairs of all chunks, best first; of equal scores the earlier chunk's."""
    scores = np.concatenate([answer.scores for answer in answers])
    found = np.concatenate([answer.boxes_xyxy for answer in answers])
    numbers = [np.array([int(name) for name in answer.names], np.int64)[answer.name_indices] for answer in answers]
    best = np.argsort(-scores, kind="stable")[:boxes]
    return SceneDetections(
        found[best].astype(np.float64), np.concatenate(numbers)[best], scores[best].astype(np.float64)
    )
