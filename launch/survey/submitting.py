"""Submitting pictures to a detector: the phrases of a prompt, one sentence, or words as the original labels them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...model.detections import Detections
from ...model.prompt import Prompt
from ...model.query import Query
from .options import DetectOptions
from .survey import Submit

if TYPE_CHECKING:
    from ...model.detector import Detector

Images = list[NDArray[np.uint8]]


def submitter(detector: Detector, prompt: Prompt, options: DetectOptions) -> Submit:
    """The function that starts the detection in a batch of pictures."""
    if options.refer is not None:
        sentence = options.refer
        return _at_once(lambda image: detector.refer(image, sentence))
    if options.text_threshold is not None:
        text_threshold = options.text_threshold
        return _at_once(lambda image: find_freely(detector, image, prompt, options.minimum, text_threshold))
    return prompt_submitter(detector, prompt)


def prompt_submitter(detector: Detector, prompt: Prompt) -> Submit:
    """The function that starts looking for all phrases of a prompt in a batch of pictures, in one pass."""

    def submit(images: Images) -> Callable[[], list[Detections]]:
        return detector.submit([Query(image, prompt) for image in images]).wait

    return submit


def _at_once(detect: Callable[[NDArray[np.uint8]], Detections]) -> Submit:
    """Detects when it is called."""

    def submit(images: Images) -> Callable[[], list[Detections]]:
        found = [detect(image) for image in images]
        return lambda: found

    return submit


def find_freely(
    detector: Detector, image: NDArray[np.uint8], prompt: Prompt, threshold: float, text_threshold: float
) -> Detections:
    """The boxes above the threshold, each labelled with the caption's tokens above the text threshold."""
    from ...model.runtime.free_phrases import free_phrases

    found = free_phrases(detector.raw(image, prompt), threshold, text_threshold)
    found.sort(key=lambda one: -one.score)
    names = tuple(dict.fromkeys(one.label for one in found))
    return Detections(
        names,
        np.array([one.box_xyxy for one in found], np.float32).reshape(-1, 4),
        np.array([one.score for one in found], np.float32),
        np.array([names.index(one.label) for one in found], np.int64),
    )
