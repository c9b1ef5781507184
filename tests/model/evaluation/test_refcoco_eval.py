"""Referring evaluation: a sentence's one box is right if it matches the sentence's object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.datasets.refcoco_data import read_referrals
from groundcast.model.detections import Detections, DetectorInfo
from groundcast.model.evaluation.coco_store import DetectionStore
from groundcast.model.evaluation.refcoco_eval import evaluate_referrals

from ..datasets.coco_sets import write_set

BOX = [40, 40, 80, 60]


def _content() -> dict[str, Any]:
    """Three sentences with annotations of one picture, and one with another picture."""
    images = [{"id": n, "file_name": f"{n}.png", "width": 320, "height": 240} for n in (1, 2)]
    images[1]["caption"] = "the mug, left of the can"
    annotations: list[dict[str, Any]] = [
        {"id": 1, "image_id": 1, "bbox": BOX, "sentence": "a red ball"},
        {"id": 2, "image_id": 1, "bbox": [200, 40, 80, 60], "sentences": ["the far one", {"sent": "on the right"}]},
        {"id": 3, "image_id": 2, "bbox": BOX},
    ]
    return {"images": images, "annotations": annotations}


class Pointing:
    """Always answers with the same box, or with none to some sentences."""

    info = DetectorInfo("pointing", "float32", "max")

    def __init__(self, box_xywh: Sequence[float], silent: str = "") -> None:
        x, y, width, height = box_xywh
        self._box = np.array([[x, y, x + width, y + height]], np.float32)
        self._silent = silent
        self.requests: list[tuple[int, str]] = []

    def refer(self, image: NDArray[np.uint8], sentence: str) -> Detections:
        self.requests.append((int(image[0, 0, 0]), sentence))
        if sentence == self._silent:
            return Detections.none((sentence,))
        return Detections((sentence,), self._box, np.ones(1, np.float32), np.zeros(1, np.int64))


def _precision(referrer: Pointing, folder: Path) -> float:
    data = read_referrals(write_set(folder, _content()), folder)
    with DetectionStore(folder / "run.jsonl", {"task": "refcoco"}) as store:
        return evaluate_referrals(referrer, data, store, {}).figures["P@1"]


def test_sentences_are_asked_whole_and_with_their_picture(tmp_path: Path) -> None:
    referrer = Pointing(BOX)

    assert _precision(referrer, tmp_path) == 0.5
    sentences = [(0, "a red ball"), (0, "the far one"), (0, "on the right"), (1, "the mug, left of the can")]
    assert referrer.requests == sentences


def test_half_an_overlap_is_right_and_less_is_wrong(tmp_path: Path) -> None:
    assert _precision(Pointing([40, 40, 80, 30]), tmp_path / "half") == 0.5
    assert _precision(Pointing([40, 40, 80, 29]), tmp_path / "less") == 0.0


def test_no_box_is_a_miss(tmp_path: Path) -> None:
    assert _precision(Pointing(BOX, silent="a red ball"), tmp_path) == 0.25


def test_a_run_goes_on_where_it_stood(tmp_path: Path) -> None:
    content = write_set(tmp_path, _content())
    first = Pointing(BOX)
    with DetectionStore(tmp_path / "run.jsonl", {"task": "refcoco"}) as store:
        evaluate_referrals(first, read_referrals(content, tmp_path, limit=2), store, {})

    again = Pointing(BOX)

    assert _precision(again, tmp_path) == 0.5
    assert (len(first.requests), len(again.requests)) == (2, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sentence": None}, "annotation 1: neither it nor its image has a 'sentence' or a 'caption'"),
        ({"sentence": " "}, "annotation 1: 'sentence' is \" \", which must be text"),
        ({"sentence": None, "image_id": 2}, "its image's sentence could mean any of 2 annotations"),
        ({"image_id": 9}, "annotation 1: its image 9 is not in the list of images"),
        ({"bbox": [0, 0, 0, 9]}, "annotation 1: its box [0.0, 0.0, 0.0, 9.0] has no area"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    content = _content()
    content["annotations"][0].update(change)

    with pytest.raises(CocoError) as raised:
        read_referrals(write_set(tmp_path, content), tmp_path)

    assert said in str(raised.value)
