"""How often the one best box for a sentence is the object that the sentence means."""

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
from .coco_eval import CocoDetector, CocoResult
from .coco_store import DetectionStore

MIN_IOU = 0.5


class Referrer(Protocol):
    """What is evaluated: a picture and a whole sentence in, one row out, the best box; none where nothing is found."""

    @property
    def info(self) -> DetectorInfo: ...

    def refer(self, image: NDArray[np.uint8], sentence: str) -> Detections: ...


def check_sentences(detector: CocoDetector, data: ReferralData) -> None:
    """See that the model can be asked all of them.

    Raises:
        PromptError: words it was not taught, or a sentence that is too long.
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
    """Find the object of each sentence that the store does not hold yet, then judge all of them.

    Args:
        referrer: what is evaluated.
        data: the sentences and the truth.
        store: where what is found is kept, by the sentence's number.
        choices: what the result says about how it was made.
        on_progress: called with (sentences done, of how many).

    Raises:
        CocoError: a picture cannot be read.
        PromptError: a sentence cannot be asked.
    """
    started = time.monotonic()
    left = [one for one in data.referrals if one.number not in store.found]
    done = len(data.referrals) - len(left)
    open_picture: CocoPicture | None = None
    image = np.zeros((1, 1, 3), np.uint8)
    for row, one in enumerate(left, 1):
        if one.picture != open_picture:  # sentences about one picture stand beside each other
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


def precision_at_1(data: ReferralData, founds: Mapping[int, SceneDetections]) -> float:
    """The share of sentences whose one box has an IoU of at least 0.5 with the object's; no box is a miss."""
    right = 0
    for one in data.referrals:
        boxes = founds[one.number].boxes_xyxy
        x, y, width, height = one.box_xywh
        right += len(boxes) > 0 and _iou(boxes[0], np.array([x, y, x + width, y + height])) >= MIN_IOU
    return right / len(data.referrals)


def _best(answer: Detections) -> NDArray[np.float64]:
    return answer.scores[:1].astype(np.float64)


def _iou(first_xyxy: NDArray[np.float64], second_xyxy: NDArray[np.float64]) -> float:
    low, high = np.maximum(first_xyxy[:2], second_xyxy[:2]), np.minimum(first_xyxy[2:], second_xyxy[2:])
    inner = float((high - low).clip(0).prod())
    areas = sum(float((box[2:] - box[:2]).prod()) for box in (first_xyxy, second_xyxy))
    return inner / (areas - inner) if inner > 0 else 0.0
