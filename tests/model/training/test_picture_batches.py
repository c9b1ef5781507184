"""Batches of labelled pictures: boxes follow the pixels, and wordings follow the boxes."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from groundcast.model.datasets.coco_data import read_coco
from groundcast.model.datasets.coco_records import CocoError
from groundcast.model.datasets.labelled import LabelledData, labelled_coco
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.runtime.input_rule import InputRule
from groundcast.model.runtime.preprocess import normalise
from groundcast.model.training.batch import Batch
from groundcast.model.training.first_weights import edge_from_nothing
from groundcast.model.training.picture_batches import PictureBatches, PictureOptions
from groundcast.model.training.workers import Worker

from .drawn_examples import full_config
from .shapes_set import NAMES, write_shapes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> LabelledData:
    path = write_shapes(tmp_path_factory.mktemp("shapes"), 6)
    return labelled_coco(read_coco(path, path.parent))


def _tokenizer(data: LabelledData) -> Tokenizer:
    return Tokenizer(edge_from_nothing((*data.wordings, "left shape"), 96).vocabulary)


def _batches(data: LabelledData, options: PictureOptions, worker: Worker | None = None) -> PictureBatches:
    return PictureBatches(data, InputRule(full_config(), 80), _tokenizer(data), options, worker)


def _told(batch: Batch, row: int, tokenizer: Tokenizer) -> list[str]:
    """The words that each true box answers."""
    names = {number: word for word, number in tokenizer.vocabulary.items()}
    ids = batch.words.ids_BT[row].tolist()
    return [" ".join(names[ids[t]] for t in np.flatnonzero(own)) for own in batch.truths[row].answers_GT.numpy()]


COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (40, 70, 210)}


@pytest.mark.parametrize("mirror", [False, True])
def test_boxes_lie_where_their_colours_are(data: LabelledData, mirror: bool) -> None:
    batches = _batches(data, PictureOptions(size=6, mirror=mirror, scales=(0.6, 1.4), noise=None))
    shown = {
        name: normalise(np.full((1, 1, 1, 3), rgb, np.uint8), [(1.0, 1.0)])[0, :, 0, 0] for name, rgb in COLOURS.items()
    }
    seen = 0
    for number in range(3):
        batch = batches(number)
        _, _, H, W = batch.pictures_B3HW.shape
        for row, truth in enumerate(batch.truths):
            for (x, y, w, _), words in zip(truth.boxes_G4.tolist(), _told(batch, row, _tokenizer(data)), strict=True):
                pixel = batch.pictures_B3HW[row, :, round(y * H), round(x * W)]
                nearest = min(shown, key=lambda name: float((shown[name] - pixel).abs().sum()))
                assert words.startswith(nearest)
                edge = batch.pictures_B3HW[row, :, round(y * H), min(W - 1, round((x + w / 2) * W) + 2)]
                assert float((shown[nearest] - edge).abs().sum()) > 0.3
                seen += 1
    assert seen > 20


def test_two_workers_draw_what_one_draws_in_batches_twice_as_large(data: LabelledData) -> None:
    options = PictureOptions(size=2, scales=(1.0, 1.0))
    together = _batches(data, replace(options, size=4))(1)
    apart = [_batches(data, options, Worker(rank, 2))(1) for rank in (0, 1)]
    assert torch.equal(together.pictures_B3HW, torch.cat([one.pictures_B3HW for one in apart]))
    joined = [truth for one in apart for truth in one.truths]
    for one, other in zip(together.truths, joined, strict=True):
        assert torch.equal(one.boxes_G4, other.boxes_G4)
    assert torch.equal(_batches(data, options)(5).pictures_B3HW, _batches(data, options)(5).pictures_B3HW)


def test_every_picture_is_seen_once_a_round_and_in_another_order_each_time(data: LabelledData) -> None:
    batches = _batches(data, PictureOptions(size=1, mirror=False, scales=(1.0, 1.0), noise=None))
    rounds = [[float(batches(6 * turn + number).pictures_B3HW.sum()) for number in range(6)] for turn in range(2)]
    assert sorted(rounds[0]) == sorted(rounds[1])
    assert len(set(rounds[0])) == 6
    assert rounds[0] != rounds[1]


def test_what_is_not_there_is_asked_but_never_what_may_be(data: LabelledData) -> None:
    asked: set[str] = set()
    rows = {name.replace("_", " "): row for row, name in enumerate(NAMES)}
    hidden = frozenset({rows["blue disc"]})
    pictures = tuple(
        replace(one, never_asked=hidden)
        for one in data.pictures
        if not any(rows["blue disc"] in own for own in one.answers)
    )
    tokenizer = _tokenizer(data)
    batches = _batches(replace(data, pictures=pictures), PictureOptions(size=2, negatives=3, noise=None))
    for number in range(20):
        batch = batches(number)
        for row, truth in enumerate(batch.truths):
            names = {number: word for word, number in tokenizer.vocabulary.items()}
            words = [names[int(one)] for one in batch.words.ids_BT[row] if int(one)]
            phrases = set(" ".join(words[1:-1]).strip(" .").split(" . "))
            present = set(_told(batch, row, tokenizer))
            assert present <= phrases
            assert 1 <= len(phrases - present) <= 3
            assert len(truth.boxes_G4) >= 1
            asked |= phrases - present
    assert len(asked) >= 3
    assert "blue disc" not in asked


def test_a_long_prompt_stays_within_what_the_text_encoder_reads(data: LabelledData) -> None:
    many = (*data.wordings, *(f"thing{number} of sort{number}" for number in range(200)))
    tokenizer = Tokenizer(edge_from_nothing(many, 96).vocabulary)
    batches = PictureBatches(
        replace(data, wordings=many), InputRule(full_config(), 80), tokenizer, PictureOptions(negatives=200)
    )
    for number in range(4):
        batch = batches(number)
        assert 200 < batch.words.ids_BT.shape[1] <= 256
        assert all(len(truth.boxes_G4) >= 1 for truth in batch.truths)


def test_left_becomes_right_in_a_mirrored_picture(data: LabelledData) -> None:
    sided = replace(data, wordings=tuple(f"Left {wording}" for wording in data.wordings))
    words = edge_from_nothing((*data.wordings, "left right"), 96).vocabulary
    tokenizer, rule = Tokenizer(words), InputRule(full_config(), 80)
    options = PictureOptions(size=6, scales=(1.0, 1.0), noise=None)

    mirrored = PictureBatches(sided, rule, tokenizer, options)(0)
    plain = PictureBatches(sided, rule, tokenizer, replace(options, mirror=False))(0)

    turned = 0
    for row in range(6):
        is_turned = not torch.equal(mirrored.pictures_B3HW[row], plain.pictures_B3HW[row])
        side = "right" if is_turned else "left"
        assert all(words_.startswith(side) for words_ in _told(mirrored, row, tokenizer))
        turned += is_turned
    assert 0 < turned < 6


def test_left_stays_left_where_the_model_has_no_right(data: LabelledData) -> None:
    sided = replace(data, wordings=tuple(f"left {wording}" for wording in data.wordings))
    rule, tokenizer = InputRule(full_config(), 80), Tokenizer(edge_from_nothing(sided.wordings, 96).vocabulary)
    options = PictureOptions(size=6, scales=(1.0, 1.0), noise=None)
    mirrored = PictureBatches(sided, rule, tokenizer, options)(0)
    plain = PictureBatches(sided, rule, tokenizer, replace(options, mirror=False))(0)
    assert torch.equal(mirrored.pictures_B3HW, plain.pictures_B3HW)
    free = _batches(data, options)(0)
    assert not torch.equal(free.pictures_B3HW, plain.pictures_B3HW)


def test_what_stands_in_a_crowd_is_not_asked_for(data: LabelledData) -> None:
    one = next(picture for picture in data.pictures if len({own[0] for own in picture.answers}) > 1)
    crowded = one.answers[0][0]
    picture = replace(one, never_asked=frozenset({crowded}))
    tokenizer = _tokenizer(data)
    batches = _batches(replace(data, pictures=(picture,)), PictureOptions(size=1, negatives=9, noise=None))
    words = data.wordings[crowded].split()
    for number in range(8):
        batch = batches(number)
        asked = Tokenizer(tokenizer.vocabulary)
        names = {index: word for word, index in asked.vocabulary.items()}
        caption = " ".join(names[int(token)] for token in batch.words.ids_BT[0])
        assert f". {' '.join(words)} ." not in caption.replace("[CLS]", ".")
        assert 0 < len(batch.truths[0].boxes_G4) < len(one.answers)


def test_nothing_to_ask_for_is_said_at_once(data: LabelledData) -> None:
    empty = replace(data.pictures[0], boxes_xyxy=data.pictures[0].boxes_xyxy[:0], answers=())
    with pytest.raises(CocoError, match="teach nothing"):
        _batches(replace(data, pictures=(empty,)), PictureOptions(negatives=0))
    mixed = _batches(replace(data, pictures=(empty, data.pictures[1])), PictureOptions(size=1, negatives=0))
    for number in range(3):
        assert len(mixed(number).truths[0].boxes_G4) >= 1
