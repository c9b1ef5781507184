# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Scripts written for the original run after one changed line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from groundcast.launch.bench_oracle import save
from groundcast.launch.exits import RunError
from groundcast.launch.original import Model, annotate, load_image, load_model, predict
from groundcast.launch.pictures import read_picture
from groundcast.model.free_phrases import free_phrases, join_pieces
from groundcast.model.prompt import Prompt
from groundcast.model.seen import RawOutput

from ..model.oracle import Sizes, oracle

CAPTION = "word3 . word1 word2 . word4 word5 ."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(oracle(Sizes()), tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load_model("config/GroundingDINO_SwinT_OGC.py", str(folder), device="cpu")


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    return str(path)


def test_a_script_of_the_originals_runs(model: Model, picture: str) -> None:
    image_source, image = load_image(picture)
    assert (image_source.shape, tuple(image.shape)) == ((60, 80, 3), (3, 800, 1066))
    everything = predict(model, image, CAPTION, box_threshold=0.0, text_threshold=0.25)
    boxes, logits, phrases = predict(model, image, CAPTION, float(everything[1].median()), text_threshold=0.25)
    assert 0 < len(boxes) == len(logits) == len(phrases) < len(everything[0])
    assert phrases == _best_phrases(model, image, float(everything[1].median()))
    assert set(phrases) != {"word3"}  # not the first, whatever is seen
    assert float(boxes.min()) >= 0.0
    assert float((boxes[:, :2] + boxes[:, 2:] / 2).max()) <= 1.0 + 1e-6
    assert (logits > everything[1].median()).all()
    frame = annotate(image_source=image_source, boxes=boxes, logits=logits, phrases=phrases)
    assert frame.shape == image_source.shape
    assert (frame != image_source[..., ::-1]).any()


def _best_phrases(model: Model, image: torch.Tensor, threshold: float) -> list[str]:
    """Word by word: the phrase that each query's best word stands in."""
    (output,) = model.network.look(image, Prompt.parse(CAPTION))
    phrase_of = {
        f"word{n}": phrase for phrase in ("word1 word2", "word3", "word4 word5") for n in phrase if n.isdigit()
    }
    found: list[str] = []
    for scores in output.scores:
        asked = [
            (float(score), phrase_of[word])
            for word, score in zip(output.words, scores, strict=True)
            if word in phrase_of
        ]
        best, phrase = max(asked)
        found += [phrase] if best > threshold else []
    return found


def test_the_originals_own_phrases_can_be_had_back(model: Model, picture: str) -> None:
    _, image = load_image(picture)
    original = Model(model.network, "original")
    _, scores, phrases = predict(original, image, CAPTION, box_threshold=0.0, text_threshold=0.0)
    assert set(phrases) == {"word3 word1 word2 word4 word5"}  # every word scores above nothing at all
    _, _, empty = predict(original, image, CAPTION, box_threshold=0.0, text_threshold=1.0)
    assert set(empty) == {""}
    assert torch.equal(scores, scores.sort(descending=True).values)


def test_the_originals_phrases_keep_to_themselves_where_that_is_asked_for(model: Model, picture: str) -> None:
    _, image = load_image(picture)
    original = Model(model.network, "original")
    *_, phrases = predict(original, image, CAPTION, box_threshold=0.0, text_threshold=0.0, remove_combined=True)
    assert len(set(phrases) & {"word1 word2", "word3", "word4 word5"}) > 1
    assert set(phrases) <= {"word1 word2", "word3", "word4 word5", ""}  # nothing stands before the first mark


@pytest.mark.parametrize(
    ("best", "label", "combined"),
    [
        (0, "", "race m2"),
        (1, "race", "race m2"),
        (2, "race car", "race car m2"),
        (3, "race", "race m2"),
        (5, "m2", "race m2"),
        (6, "m2", "race m2"),
        (7, "cup", "race m2 cup"),
        (8, "", "race m2"),
    ],
)
def test_a_phrase_is_cut_at_the_marks_around_its_best_word(best: int, label: str, combined: str) -> None:
    words = ("[CLS]", "race", "car", ".", "m", "##2", ".", "cup", "[SEP]")
    scores = np.array([[0.1, 0.5, 0.2, 0.1, 0.5, 0.5, 0.1, 0.1, 0.1]], np.float32)
    scores[0, best] = 0.9
    output = RawOutput(np.zeros((1, 4), np.float32), scores, words, np.zeros(9, np.int64))

    (cut,) = free_phrases([output], 0.3, 0.4, combine=False)
    (whole,) = free_phrases([output], 0.3, 0.4)

    assert (cut.label, whole.label) == (label, combined)
    assert cut.score == whole.score == pytest.approx(0.9)


def test_word_pieces_are_joined() -> None:
    assert join_pieces(["[CLS]", "race", "car", "##pet", ".", "m", "##2", "[SEP]"]) == "race carpet m2"


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(RunError, match=r"text\.jpg is no picture that can be read"):
        load_image(str(tmp_path / "text.jpg"))


def test_a_picture_too_large_for_the_memory_is_made_smaller_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groundcast.launch.pictures._MOST_PIXELS", 10_000)
    path = tmp_path / "large.jpg"
    cv2.imwrite(str(path), np.full((300, 400, 3), 200, np.uint8))
    still = read_picture(path)
    assert (still.width, still.height) == (400, 300)
    assert still.image.shape == (87, 115, 3)
    assert "400x300 px: it is read at 115x87" in capsys.readouterr().err
