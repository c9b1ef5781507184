"""The detector with a full body: long prompts, mixed batches, whole sentences, raw outputs."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from groundcast.launch.bench.oracle import save
from groundcast.model.detections import Detections
from groundcast.model.detector import Detector, DetectorOptions
from groundcast.model.prompt import Phrase, Prompt, PromptError
from groundcast.model.runtime.preprocess import normalise, resize_as_published, short_side_size

from .oracle import Sizes, oracle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(oracle(Sizes()), tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def detector(folder: Path) -> Iterator[Detector]:
    options = DetectorOptions(device="cpu", size=64, threshold=0.0, nms_iou=None, one_phrase=False)
    with Detector.load(str(folder), options) as loaded:
        yield loaded


def _picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def test_a_batch_answers_as_each_picture_alone(detector: Detector) -> None:
    pictures = [_picture(48, 64, 1), _picture(80, 64, 2), _picture(48, 64, 3), _picture(40, 90, 4)]
    prompts = [Prompt.parse(text) for text in ("word1 word2 . word3", "word4", "word5 . word6 word7 . word8", "word1")]
    together = detector.detect(pictures, prompts)
    for picture, prompt, found in zip(pictures, prompts, together, strict=True):
        (alone,) = detector.detect([picture], [prompt])
        assert len(found) == len(alone) > 0
        # Rounding may swap neighbours in the ranking, so each is looked for in the other.
        alike = np.abs(found.scores[:, None] - alone.scores) < 1e-4
        alike &= (np.abs(found.boxes_xyxy[:, None] - alone.boxes_xyxy) < 1e-2).all(-1)
        alike &= np.array(found.names)[found.name_indices][:, None] == np.array(alone.names)[alone.name_indices]
        assert alike.any(0).all()
        assert alike.any(1).all()


def test_a_phrase_of_another_caption_changes_nothing(detector: Detector) -> None:
    many = [f"word{a} word{b}" for a in range(20) for b in range(20, 30)]  # 3 tokens each: 84 fit in a caption
    short, long = Prompt.of(many[:84]), Prompt.of(many)
    picture = _picture(48, 64)
    (few,), (all_of_them,) = detector.detect([picture], [short]), detector.detect([picture], [long])
    assert len(detector.raw(picture, long)) == 3
    best = {name: all_of_them.scores[rows].max() for name, rows in _rows(all_of_them).items()}
    asked = {name: few.scores[rows].max() for name, rows in _rows(few).items()}
    shared = set(best) & set(asked)
    assert len(shared) > 5
    for name in shared:
        assert best[name] == pytest.approx(asked[name], abs=1e-5)


def _rows(found: Detections) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row in range(len(found)):
        rows.setdefault(found.name(row), []).append(row)
    return rows


def test_one_phrase_that_no_caption_holds_is_refused(detector: Detector) -> None:
    with pytest.raises(PromptError, match=r"wording of 1799 characters .* at most 200 are read"):
        detector.check(Prompt((Phrase("long", ask=(" ".join(["word1"] * 300),)),)))


def test_a_sentence_gets_its_one_best_box(detector: Detector) -> None:
    picture = _picture(48, 64)
    found = detector.refer(picture, "word1 word2 word3")
    (raw,) = detector.raw(picture, Prompt.parse("word1 word2 word3"))
    assert len(found) == 1
    asked = raw.phrases == 0
    assert list(np.array(raw.words)[asked]) == ["word1", "word2", "word3"]
    best = raw.scores[:, asked].mean(1).argmax()
    np.testing.assert_allclose(found.boxes_xyxy[0], raw.boxes_xyxy[best], atol=1e-4)
    assert found.scores[0] == pytest.approx(raw.scores[best, asked].mean(), abs=1e-6)


WORDS = st.sampled_from(
    ["car", "race car", "carpet", "M2.5 screw", "word1", "word1 word2", "tür", "猫", "a" * 30, "?!x"]
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.builds(lambda word, row: f"{word} {row}" if row else word, WORDS, st.integers(0, 3))))
def test_every_label_is_one_of_the_names_asked_for(detector: Detector, names: list[str]) -> None:
    try:
        prompt = Prompt.of(names)
    except PromptError:
        return  # nothing, or twice the same
    (found,) = detector.detect([_picture(32, 32)], [prompt])
    assert len(found) > 0
    assert {found.name(row) for row in range(len(found))} <= set(names)


def test_three_hundred_phrases_at_once(detector: Detector) -> None:
    names = [f"word{a} word{b} word{c}" for a in range(10) for b in range(10) for c in range(3)]
    prompt, picture = Prompt.of(names), _picture(32, 32)
    (found,) = detector.detect([picture], [prompt])
    assert len(found) == 300  # the best pairs of query and phrase
    outputs = detector.raw(picture, prompt)
    assert {int(phrase) for output in outputs for phrase in output.phrases} == {-1, *range(300)}
    assert {found.name(row) for row in range(len(found))} <= set(names)


def test_doubles_of_any_phrase_go_where_that_is_asked(folder: Path) -> None:
    prompt = Prompt((Phrase("a", ask=("word1",)), Phrase("b", ask=("word1",))))
    counts: list[int] = []
    for across in (False, True):
        options = DetectorOptions(size=64, threshold=0.0, nms_iou=0.5, agnostic_nms=across, one_phrase=False)
        with Detector.load(str(folder), options) as own:
            (found,) = own.detect([_picture(48, 64)], [prompt])
            counts.append(len(found))
    assert counts[0] == 2 * counts[1] > 0


@pytest.mark.parametrize("hw", [(480, 640), (1080, 1920), (800, 1333), (333, 500), (1200, 300), (801, 801), (640, 481)])
def test_pictures_are_prepared_as_by_the_hubs_processor(hw: tuple[int, int]) -> None:
    from transformers.models.grounding_dino.image_processing_grounding_dino import GroundingDinoImageProcessor

    picture = _picture(*hw)
    processor: Any = GroundingDinoImageProcessor()
    wanted: torch.Tensor = processor(images=picture, return_tensors="pt")["pixel_values"][0]
    size = short_side_size(*hw, 800, 1333)
    ours = normalise(resize_as_published(picture, size)[None], [size.valid_xy])[0]
    assert ours.shape == wanted.shape
    assert (ours - wanted).abs().max() < 1e-5


def test_words_that_are_not_english_are_warned_of(detector: Detector, caplog: pytest.LogCaptureFixture) -> None:
    detector.detect([_picture(32, 32)], [Prompt.parse("word1 . blaue tür")])
    assert "the text encoder learnt English: it may not know 'blaue tür'" in caplog.text
