"""Referring evaluation: how often the best box for a sentence is the sentence's object."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..datasets.coco_data import CocoPicture, read_picture
from ..datasets.refcoco_data import ReferralData
from ..detections import Detections, DetectorInfo
from ..prompt import Prompt
from .average_precision import SceneDetections
from .box_overlap import ious
from .coco_eval import CocoDetector, CocoResult
from .coco_store import DetectionStore

MIN_IOU = 0.5


class Referrer(Protocol):
    """The detector under evaluation: returns the best box for a picture and a whole sentence, or none."""

    @property
    def info(self) -> DetectorInfo: ...

    def refer(self, image: NDArray[np.uint8], sentence: str) -> Detections: ...


def check_sentences(detector: CocoDetector, data: ReferralData) -> None:
    """Check that the model can answer all sentences.

    Raises:
        PromptError: words that it was not taught, or a sentence that is too long.
    """
    for sentence in dict.fromkeys(one.sentence for one in data.referrals):
        detector.check(Prompt.whole(sentence))


def evaluate_referrals(
    referrer: Referrer,
    data: ReferralData,
    store: DetectionStore,
    choices: Mapping[str, object],
    on_progress: Callable[[int, int], None] | None = None,
) -> CocoResult:
    """Find the object of each sentence that is not in the store yet, then evaluate all of them.

    Args:
        referrer: the detector under evaluation.
        data: the sentences and the truth.
        store: keeps the boxes by the sentence's number.
        choices: settings stated in the result.
        on_progress: called with (sentences done, sentences in all).

    Raises:
        CocoError: a picture cannot be read.
        PromptError: the model cannot answer a sentence.
    """
    started = time.monotonic()
    left = [one for one in data.referrals if one.number not in store.found]
    done = len(data.referrals) - len(left)
    open_picture: CocoPicture | None = None
    image = np.zeros((1, 1, 3), np.uint8)
    for row, one in enumerate(left, 1):
        if one.picture != open_picture:  # sentences about one picture are adjacent
            open_picture, image = one.picture, read_picture(one.picture)
        answer = referrer.refer(image, one.sentence)
        best = SceneDetections(
            answer.boxes_xyxy[:1].astype(np.float64), np.zeros(len(answer.scores[:1]), np.int64), _best(answer)
        )
        store.add({one.number: best})
        if on_progress is not None:
            on_progress(done + row, len(data.referrals))
    figures = {"P@1": precision_at_1(data, store.found)}
    pictures = len({one.picture.file for one in data.referrals})
    return CocoResult(figures, dict(choices), pictures, len(data.referrals), time.monotonic() - started)


def precision_at_1(data: ReferralData, detections: Mapping[int, SceneDetections]) -> float:
    """The fraction of sentences whose box has an IoU of at least 0.5 with the object's; no box is a miss."""
    right = 0
    for one in data.referrals:
        boxes = detections[one.number].boxes_xyxy
        x, y, width, height = one.box_xywh
        truth = np.array([[x, y, x + width, y + height]])
        right += bool((ious(boxes[:1], truth) >= MIN_IOU).any())
    return right / len(data.referrals)


def _best(answer: Detections) -> NDArray[np.float64]:
    return answer.scores[:1].astype(np.float64)
