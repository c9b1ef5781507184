"""Postprocessing: from logits and boxes to detections."""

from __future__ import annotations

import numpy as np
import torch

from groundcast.model.detections import Detections
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Phrase, Prompt
from groundcast.model.runtime.postprocess import CaptionAnswer, ReportRules, WordingSpans, postprocess
from groundcast.model.runtime.preprocess import InputSize, input_size
from groundcast.model.tabletop.vocabulary import vocabulary

SIZE = InputSize((64, 96), (64, 96))


def _detect(
    prompt: Prompt, scores: list[dict[int, float]], boxes: list[list[float]] | None = None, **options: object
) -> Detections:
    """`scores`: for each query, token -> probability; all others are unlikely."""
    tokens = Tokenizer(vocabulary()).encode(prompt)
    logits = torch.full((len(scores), len(tokens.ids_T)), -9.0)
    for row, answers in enumerate(scores):
        for token, probability in answers.items():
            logits[row, token] = torch.logit(torch.tensor(probability))
    boxes_Q4 = torch.tensor(boxes or [[0.5, 0.5, 0.2 + 0.1 * row, 0.2] for row in range(len(scores))])
    size, image_hw = options.pop("size", SIZE), options.pop("image_hw", (128, 192))
    answer = CaptionAnswer(logits, boxes_Q4, WordingSpans.of(tokens))
    return postprocess([answer], prompt, size, image_hw, ReportRules(**options))  # pyright: ignore[reportArgumentType]


def test_labels_are_the_prompts_names_and_the_best_box_is_first() -> None:
    found = _detect(Prompt.parse("red mug . blue cube"), [{1: 0.5, 2: 0.7}, {4: 0.9, 5: 0.9}, {1: 0.1}])
    assert [found.name(row) for row in range(len(found))] == ["blue cube", "red mug"]
    np.testing.assert_allclose(found.scores, [0.9, 0.6], atol=1e-4)


def test_max_takes_the_best_token() -> None:
    found = _detect(Prompt.parse("red mug"), [{1: 0.2, 2: 0.8}], score_rule="max")
    np.testing.assert_allclose(found.scores, [0.8], atol=1e-4)


def test_boxes_are_pixels_of_the_original_inside_it() -> None:
    size = input_size(480, 640, 320 * 240)  # 240 rows of picture in 256 rows of canvas
    found = _detect(
        Prompt.parse("can"),
        [{1: 0.9}, {1: 0.8}],
        [[0.5, 0.46875, 0.5, 0.9375], [0.9, 0.9, 0.4, 0.4]],
        size=size,
        image_hw=(480, 640),
    )
    np.testing.assert_allclose(found.boxes_xyxy[0], [160, 0, 480, 480], atol=1e-3)
    np.testing.assert_allclose(found.boxes_xyxy[1], [448, 358.4, 640, 480], atol=1e-3)


def test_the_best_wording_counts_for_its_name() -> None:
    prompt = Prompt((Phrase("cup", ask=("red mug", "can")),))
    found = _detect(prompt, [{4: 0.9}])
    assert found.names == ("cup",)
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-4)


def test_a_negative_phrase_takes_its_boxes_away() -> None:
    prompt = Prompt((Phrase("can", negative=True), Phrase("mug")))
    found = _detect(prompt, [{1: 0.9, 3: 0.8}, {3: 0.7}])
    assert [found.name(row) for row in range(len(found))] == ["mug"]
    np.testing.assert_allclose(found.scores, [0.7], atol=1e-4)


def test_a_phrase_may_state_its_own_threshold() -> None:
    prompt = Prompt((Phrase("can", threshold=0.8), Phrase("mug", threshold=0.1)))
    found = _detect(prompt, [{1: 0.7}, {3: 0.2}])
    assert [found.name(row) for row in range(len(found))] == ["mug"]


def test_suppression_stays_within_a_phrase() -> None:
    same = [[0.5, 0.5, 0.2, 0.2]] * 3
    answers = [{1: 0.9}, {1: 0.8}, {3: 0.7}]
    prompt = Prompt.parse("can . mug")
    assert len(_detect(prompt, answers, same)) == 3
    kept = _detect(prompt, answers, same, nms_iou=0.7)
    assert [kept.name(row) for row in range(len(kept))] == ["can", "mug"]


def test_for_average_precision_a_box_may_answer_several_phrases() -> None:
    prompt = Prompt((Phrase("cup", ask=("mug", "red mug")), Phrase("can"), Phrase("bowl", negative=True)))
    found = _detect(prompt, [{1: 0.4, 3: 0.9, 4: 0.7, 6: 0.6, 8: 0.9}], one_phrase=False)
    assert [found.name(row) for row in range(len(found))] == ["cup", "can"]
    np.testing.assert_allclose(found.scores, [0.8, 0.6], atol=1e-4)


def test_nothing_found_is_an_empty_answer() -> None:
    found = _detect(Prompt.parse("can"), [{}, {}])
    assert len(found) == 0
    assert found.boxes_xyxy.shape == (0, 4)
