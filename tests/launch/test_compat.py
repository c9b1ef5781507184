"""Scripts written for the original run after one changed line."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import normalize, resize, to_tensor

from groundcast.launch.bench.oracle import save
from groundcast.launch.compat import Model, _at_own_size, annotate, load_image, load_model, predict
from groundcast.launch.exits import RunError
from groundcast.launch.show.image_files import read_picture
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Prompt, PromptError
from groundcast.model.runtime.free_phrases import free_label
from groundcast.model.runtime.whole_caption import closed_caption, decode_pieces, tokenize_caption
from groundcast.model.tabletop.clip_truth import CLIP_PATH, read_truth
from groundcast.model.weights.checkpoint import find_checkpoint, read_checkpoint

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


def _small_picture() -> torch.Tensor:
    return torch.randn(3, 96, 128, generator=torch.Generator().manual_seed(0))


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
    (output,) = model.network.raw_outputs(image, Prompt.parse(CAPTION))
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


def test_the_originals_own_phrases_can_be_had_back(model: Model) -> None:
    image = _small_picture()
    original = Model(model.network, "original")
    boxes, scores, phrases = predict(original, image, CAPTION, box_threshold=0.0, text_threshold=0.0)
    every = "word3 word1 word2 word4 word5 [SEP]"  # every word scores above nothing at all, and [CLS] is never read
    assert set(phrases) == {every}
    _, _, empty = predict(original, image, CAPTION, box_threshold=0.0, text_threshold=1.0)
    assert set(empty) == {""}
    tokens = tokenize_caption(model.network.tokenizer, CAPTION)
    all_scores, all_boxes = model.network.answer_caption(image, tokens)
    assert torch.equal(scores, all_scores.max(1).values)  # in the order of the queries, not sorted
    assert torch.equal(boxes, all_boxes)  # and not cut at the picture's edges
    assert not torch.equal(scores, scores.sort(descending=True).values)


def test_the_originals_phrases_keep_to_themselves_where_that_is_asked_for(model: Model, picture: str) -> None:
    _, image = load_image(picture)
    original = Model(model.network, "original")
    *_, phrases = predict(original, image, CAPTION, box_threshold=0.0, text_threshold=0.0, remove_combined=True)
    assert len(set(phrases) & {"word1 word2", "word3", "word4 word5"}) > 1
    assert set(phrases) <= {"word1 word2", "word3", "word4 word5", ""}  # nothing stands before the first mark


@pytest.mark.parametrize("compat", ["groundcast", "original"])
@pytest.mark.parametrize(
    "caption",
    ["a word1, a word2", "word1 . word1", "word1? word2", "word1.word2", "  WORD1 ", "word1 ; word2 . ... word3", "?."],
)
def test_captions_that_the_original_answers_are_answered(model: Model, caption: str, compat: str) -> None:
    image = _small_picture()
    asked = Model(model.network, "original" if compat == "original" else "groundcast")
    if caption == "?." and compat == "groundcast":
        with pytest.raises(PromptError, match="asks for nothing"):
            predict(asked, image, caption, 0.0, 0.0)
        return
    boxes, _, phrases = predict(asked, image, caption, 0.0, 0.0)
    assert len(boxes) == 20
    if compat == "groundcast" and caption == "a word1, a word2":
        assert set(phrases) == {"a word1, a word2"}


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
        (8, "", "race m2 [SEP]"),
    ],
)
def test_a_phrase_is_cut_at_the_marks_around_its_best_word(best: int, label: str, combined: str) -> None:
    words = ("[CLS]", "race", "car", ".", "m", "##2", ".", "cup", "[SEP]")
    scores = np.array([0.1, 0.5, 0.2, 0.1, 0.5, 0.5, 0.1, 0.1, 0.1], np.float32)
    scores[best] = 0.9
    assert free_label(scores, words, 0.4, combine=False) == label
    assert free_label(scores, words, 0.4) == combined


WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *".,?!';:-&"),
    *("men", "s", "shoes", "lion", "mane", "##et", "carp", "can", "n", "t", "a", "cat", "m", "re", "##2"),
]


@pytest.fixture(scope="module")
def published_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import BertTokenizer

    path = tmp_path_factory.mktemp("bert") / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n")
    return BertTokenizer(str(path), do_lower_case=True)


def test_pieces_are_read_back_as_the_published_tokenizer_does(published_tokenizer: Any) -> None:
    assert decode_pieces(["men", "'", "shoes"]) == "men'shoes"
    assert decode_pieces(["lion", "'", "s", "mane"]) == "lion's mane"
    assert decode_pieces(["##et", "carp", "##et"]) == "##et carpet"
    rng = np.random.default_rng(0)
    for _ in range(500):
        ids = [int(row) for row in rng.integers(1, len(WORDS), rng.integers(0, 9))]
        wanted = published_tokenizer.decode(ids, clean_up_tokenization_spaces=True)
        assert decode_pieces([WORDS[row] for row in ids]) == wanted


@pytest.mark.parametrize(
    "caption",
    ["Lion's mane . men's shoes", "a cat? a can", "carpet..cat.", "?", "", "a cat, a can't ; . ! ", "cat " * 300],
)
def test_a_caption_is_read_whole_as_the_published_model_reads_it(caption: str, published_tokenizer: Any) -> None:
    caption = closed_caption(caption)
    tokens = tokenize_caption(Tokenizer({word: row for row, word in enumerate(WORDS)}), caption)
    ids = published_tokenizer(caption)["input_ids"]
    assert tokens.ids_T.tolist() == ids[:256]
    marks = [row for row, token in enumerate(ids) if WORDS[token] in ("[CLS]", "[SEP]", ".", "?")]
    for row in range(len(tokens.ids_T)):  # each between the mark before it and the one that ends it
        end = min(mark for mark in marks if mark >= row)
        begin = max((mark for mark in marks if mark < row), default=-1)
        is_alone = row in (0, len(ids) - 1) or end == len(ids) - 1
        seen = [row] if is_alone else [*range(begin + 1, min(end + 1, len(tokens.ids_T)))]
        assert tokens.sees_TT[row].nonzero().flatten().tolist() == seen
        assert int(tokens.positions_T[row]) == (0 if is_alone else row - begin - 1)


@pytest.mark.parametrize(
    "size", [(2000, 500), (500, 2000), (640, 480), (480, 640), (800, 900), (1333, 800), (37, 4000)]
)
def test_a_picture_is_prepared_to_the_last_bit_as_the_original_does(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    small, large = float(min(size)), float(max(size))
    short = 800 if large / small * 800 <= 1333 else round(1333 * small / large)
    wanted_hw = [short, int(short * width / height)] if height <= width else [int(short * height / width), short]
    wanted = to_tensor(resize(Image.fromarray(pixels), wanted_hw))  # pyright: ignore[reportArgumentType]
    image, prepared = load_image(str(tmp_path / "picture.png"))
    assert np.array_equal(image, pixels)
    assert torch.equal(prepared, normalize(wanted, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    if size == (2000, 500):
        assert tuple(prepared.shape) == (3, 333, 1332)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_picture_is_turned_upright_unless_all_is_to_be_as_in_the_original(suffix: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = str(tmp_path / f"turned.{suffix}")
    Image.fromarray(stored).save(path, exif=exif)
    upright, _ = load_image(path)
    as_stored, prepared = load_image(path, compat="original")
    assert (upright.shape, as_stored.shape, tuple(prepared.shape)) == ((60, 40, 3), (40, 60, 3), (3, 800, 1200))
    assert np.array_equal(as_stored, np.asarray(Image.open(path).convert("RGB")))


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(RunError, match=r"text\.jpg is no picture that can be read"):
        load_image(str(tmp_path / "text.jpg"))
    with pytest.raises(RunError, match=r"text\.jpg is no picture that can be read"):
        load_image(str(tmp_path / "text.jpg"), compat="original")


def test_a_picture_too_large_for_the_memory_is_made_smaller_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groundcast.launch.show.image_files._MAX_PIXELS", 10_000)
    path = tmp_path / "large.jpg"
    cv2.imwrite(str(path), np.full((300, 400, 3), 200, np.uint8))
    still = read_picture(path)
    assert (still.width, still.height) == (400, 300)
    assert still.image.shape == (87, 115, 3)
    assert "400x300 px: it is read at 115x87" in capsys.readouterr().err


def test_a_picture_is_as_large_as_the_models_own_input(tmp_path: Path) -> None:
    Image.new("RGB", (640, 480)).save(tmp_path / "a.png")
    _, image = load_image(str(tmp_path / "a.png"))

    assert _at_own_size(read_checkpoint(find_checkpoint("tabletop")).config, image).shape == (3, 240, 320)


@pytest.mark.slow
def test_a_model_of_another_size_finds_what_it_finds_at_its_own(tmp_path: Path) -> None:
    with av.open(str(CLIP_PATH)) as clip:
        next(clip.decode(video=0)).to_image().save(tmp_path / "clip.png")
    caption = read_truth().prompt
    model = load_model(None, "tabletop", device="cpu")
    _, image = load_image(str(tmp_path / "clip.png"))

    _, _, phrases = predict(model, image, caption, 0.3, 0.25)
    _, _, at_its_own = predict(model, resize(image, [240, 320]), caption, 0.3, 0.25)

    assert sorted(phrases) == sorted(at_its_own) == sorted(Prompt.parse(caption).names)


@pytest.mark.parametrize("size_wh", [(640, 480), (400, 1600), (1333, 750)])
def test_published_weights_get_the_originals_input_untouched(
    model: Model, size_wh: tuple[int, int], tmp_path: Path
) -> None:
    Image.new("RGB", size_wh).save(tmp_path / "a.png")
    _, image = load_image(str(tmp_path / "a.png"))

    assert _at_own_size(model.network.config, image) is image
