"""A resumed evaluation ends with the same figures; detections of another run are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundcast.model.datasets.coco_data import CocoData, read_coco
from groundcast.model.evaluation.average_precision import SceneDetections
from groundcast.model.evaluation.coco_eval import CocoResult, check_prompts, evaluate_coco, prompts_of
from groundcast.model.evaluation.coco_judge import judge_as_coco
from groundcast.model.evaluation.coco_store import DetectionStore, StoreError
from groundcast.model.prompt import PromptError

from ..datasets.coco_sets import NAMES, Drawn, draw_found, draw_set, write_set

pytest.importorskip("faster_coco_eval", reason="needs the [eval] extra")

HEADER: dict[str, object] = {"task": "coco", "chunk": 3, "model": {"name": "drawn"}}


@pytest.fixture
def content() -> dict[str, Any]:
    return draw_set(1)


@pytest.fixture
def data(content: dict[str, Any], tmp_path: Path) -> CocoData:
    return read_coco(write_set(tmp_path, content), tmp_path)


def _evaluate(detector: Drawn, data: CocoData, file: Path, *, chunk: int = 3, boxes: int = 300) -> CocoResult:
    with DetectionStore(file, HEADER) as store:
        return evaluate_coco(detector, data, store, judge_as_coco, HEADER, chunk=chunk, boxes=boxes, batch=2)


def test_an_interrupted_run_ends_with_the_same_file_and_figures(
    content: dict[str, Any], data: CocoData, tmp_path: Path
) -> None:
    found = draw_found(content, 5)
    whole = _evaluate(Drawn(content, found), data, tmp_path / "whole.jsonl")
    with pytest.raises(KeyboardInterrupt):
        _evaluate(Drawn(content, found, fails_after=20), data, tmp_path / "parts.jsonl")
    with (tmp_path / "parts.jsonl").open("a") as sheet:
        sheet.write('{"picture": 7, "boxes_x')  # the machine went down while a line was written

    again = _evaluate(Drawn(content, found, fails_after=30), data, tmp_path / "parts.jsonl")

    assert again.figures == whole.figures
    assert (tmp_path / "parts.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()


def test_a_finished_run_asks_for_nothing_and_says_the_same(
    content: dict[str, Any], data: CocoData, tmp_path: Path
) -> None:
    found = draw_found(content, 5)
    whole = _evaluate(Drawn(content, found), data, tmp_path / "run.jsonl")

    again = _evaluate(Drawn(content, {}, fails_after=0), data, tmp_path / "run.jsonl")

    assert again.figures == whole.figures


def test_chunks_change_nothing_of_what_a_fair_detector_finds(
    content: dict[str, Any], data: CocoData, tmp_path: Path
) -> None:
    found = {number: _untied(one) for number, one in draw_found(content, 5).items()}

    figures = [
        _evaluate(Drawn(content, found), data, tmp_path / f"{chunk}.jsonl", chunk=chunk).figures for chunk in (2, 40)
    ]

    assert figures[0] == figures[1] == judge_as_coco(data, found).figures


def _untied(found: SceneDetections) -> SceneDetections:
    """Scores that are all different, as float32 too: of equal ones each chunk has its own order."""
    steps = np.linspace(0, 0.005, len(found.scores))
    return SceneDetections(
        found.boxes_xyxy, found.categories, (found.scores + steps).astype(np.float32).astype(np.float64)
    )


def test_a_picture_keeps_its_best_boxes_over_all_chunks(
    content: dict[str, Any], data: CocoData, tmp_path: Path
) -> None:
    found = draw_found(content, 5)

    _evaluate(Drawn(content, found), data, tmp_path / "run.jsonl", boxes=4)

    with DetectionStore(tmp_path / "run.jsonl", HEADER) as store:
        assert store.found.keys() == found.keys()
        for number, own in store.found.items():
            assert own.scores.tolist() == sorted(found[number].scores.tolist(), reverse=True)[:4]


def test_every_category_is_asked_for_once_and_commas_part_nothing(data: CocoData) -> None:
    prompts = prompts_of(data.categories, 3)

    assert [len(prompt.phrases) for prompt in prompts] == [3, 3, 1]
    phrases = [phrase for prompt in prompts for phrase in prompt.phrases]
    assert [int(phrase.name) for phrase in phrases] == [one.number for one in data.categories]
    assert [phrase.wordings[0] for phrase in phrases][3:6] == ["bow", "bow", "can, small"]
    assert {phrase.threshold for phrase in phrases} == {0.0}
    assert len(phrases) == len(NAMES)


def test_words_that_the_model_does_not_know_are_refused_with_their_chunk(
    content: dict[str, Any], data: CocoData
) -> None:
    class Unable(Drawn):
        def check(self, prompt: object) -> None:
            raise PromptError("the prompt has 300 tokens")

    with pytest.raises(PromptError, match=r"chunk 1 of 3 \(see --chunk\): the prompt has 300 tokens"):
        check_prompts(Unable(content, {}), prompts_of(data.categories, 3))


def test_detections_of_another_run_are_refused(tmp_path: Path) -> None:
    DetectionStore(tmp_path / "run.jsonl", HEADER).close()

    with pytest.raises(StoreError, match=r"holds a run whose chunk is 3, and this one's is 40: name another folder"):
        DetectionStore(tmp_path / "run.jsonl", {**HEADER, "chunk": 40})


def test_a_spoilt_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text(json.dumps(HEADER) + "\nnonsense\n")

    with pytest.raises(StoreError, match="line 2: this is no detection"):
        DetectionStore(tmp_path / "run.jsonl", HEADER)


def test_a_file_that_is_no_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("my notes\n")

    with pytest.raises(StoreError, match="does not begin with a header"):
        DetectionStore(tmp_path / "run.jsonl", HEADER)
    assert (tmp_path / "run.jsonl").read_text() == "my notes\n"


def test_what_is_stored_comes_back_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    boxes, scores = rng.random((50, 4), np.float32) * 640, rng.random(50, np.float32)
    found = SceneDetections(boxes.astype(np.float64), np.arange(50), scores.astype(np.float64))
    with DetectionStore(tmp_path / "run.jsonl", HEADER) as store:
        store.add({3: found})

    with DetectionStore(tmp_path / "run.jsonl", HEADER) as store:
        again = store.found[3]

    np.testing.assert_array_equal(again.boxes_xyxy.astype(np.float32), boxes)
    np.testing.assert_array_equal(again.scores.astype(np.float32), scores)
    np.testing.assert_array_equal(again.categories, found.categories)
