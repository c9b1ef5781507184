"""The whole network: phrases and pictures do not affect each other, and every block affects the output."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from groundcast.model.dino.grounding_dino import GroundingDino, Output
from groundcast.model.dino.text_encoder import TextFeatures, pad_words, stack_features
from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Prompt
from groundcast.model.runtime.fold import fold_norms, join_groups, join_projections, join_values
from groundcast.model.tabletop.vocabulary import vocabulary

from ..tiny import tiny_model

PROMPTS = ("red mug . blue cube . can", "green ball")


@pytest.fixture(scope="module")
def model() -> GroundingDino:
    return tiny_model()


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(3))


def _read(model: GroundingDino, *prompts: str) -> TextFeatures:
    tokenizer = Tokenizer(vocabulary())
    return model.read(pad_words([tokenizer.encode(Prompt.parse(text)) for text in prompts]))


def _as_set(output: Output, picture: int, tokens: int) -> torch.Tensor:
    """Queries in an order of their own: proposals that score alike may change places."""
    rows = torch.cat([output.boxes[-1][picture], output.logits[-1][picture, :, :tokens]], -1)
    return rows[torch.argsort(rows[:, 0])]


@torch.no_grad()
def test_a_batch_answers_as_each_picture_alone(model: GroundingDino, pictures: torch.Tensor) -> None:
    together = model(pictures, _read(model, *PROMPTS))
    for row, (text, tokens) in enumerate(zip(PROMPTS, (10, 5), strict=True)):
        alone = model(pictures[row : row + 1], _read(model, text))
        torch.testing.assert_close(_as_set(together, row, tokens), _as_set(alone, 0, tokens), atol=2e-4, rtol=1e-3)


@torch.no_grad()
def test_stacked_features_are_those_of_one_reading(model: GroundingDino) -> None:
    stacked = stack_features([_read(model, text) for text in PROMPTS])
    together = _read(model, *PROMPTS)
    words = ~together.no_word_BT
    torch.testing.assert_close(stacked.features_BTC[words], together.features_BTC[words], atol=1e-5, rtol=1e-4)
    assert torch.equal(stacked.mask_B1TT, together.mask_B1TT)
    assert torch.equal(stacked.no_word_BT, together.no_word_BT)


@torch.no_grad()
def test_a_phrase_reads_the_same_whatever_else_is_asked(model: GroundingDino) -> None:
    alone = _read(model, "blue cube").features_BTC[0, 1:4]
    beside = _read(model, "red mug . blue cube . can").features_BTC[0, 4:7]
    torch.testing.assert_close(beside, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "block",
    [
        "encoder.layers.1.fusion.image_out",
        "encoder.layers.0.text_attention.out",
        "encoder.layers.1.text_feed_forward.fc2",
        "encoder.layers.0.image_attention.out",
        "encoder.merge.0.smooth.0",
        "selection.box.layers.2",
        "decoder.layers.0.self_attention.out",
        "decoder.layers.1.text_attention.out",
        "decoder.layers.0.image_attention.output_proj",
        "decoder.layers.0.image_attention.sampling_offsets",
        "decoder.reference_head.layers.1",
        "decoder.box.0.layers.2",
    ],
)
@torch.no_grad()
def test_every_block_changes_the_answer(model: GroundingDino, pictures: torch.Tensor, block: str) -> None:
    text = _read(model, *PROMPTS)
    before = model(pictures, text).boxes[-1]
    silenced = model.get_submodule(block)
    assert isinstance(silenced, nn.Linear | nn.Conv2d)
    kept = {name: value.clone() for name, value in silenced.state_dict().items()}
    for parameter in silenced.parameters():
        parameter.zero_()
    after = model(pictures, text).boxes[-1]
    silenced.load_state_dict(kept)
    assert (after - before).abs().max() > 1e-4


@torch.no_grad()
def test_nothing_is_proposed_in_the_padding(model: GroundingDino, pictures: torch.Tensor) -> None:
    text = _read(model, *PROMPTS)
    half = torch.tensor([[0.5, 1.0], [0.5, 1.0]])
    memory, shapes = torch.randn(2, 120, 32), [(8, 12), (4, 6)]
    flat = memory.clone()
    padded = model.selection(flat, shapes, text.features_BTC, text.no_word_BT, half)
    flat[:, :96].view(2, 8, 12, 32)[:, :, 6:] = 100.0  # what lies in the padding must not matter
    flat[:, 96:].view(2, 4, 6, 32)[:, :, 3:] = 100.0
    again = model.selection(flat, shapes, text.features_BTC, text.no_word_BT, half)
    assert torch.equal(padded.boxes_BQ4, again.boxes_BQ4)
    assert not torch.equal(
        padded.boxes_BQ4, model.selection(memory, shapes, text.features_BTC, text.no_word_BT).boxes_BQ4
    )


@torch.no_grad()
def test_fewer_larger_steps_change_nothing(pictures: torch.Tensor) -> None:
    model = tiny_model(seed=1)
    text = _read(model, *PROMPTS)
    before = model(pictures, text)
    assert fold_norms(model) > 20
    assert join_groups(model) == 4
    assert join_projections(model) == 2
    assert join_projections(model) == 0
    after = model(pictures, text)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    for row, tokens in enumerate((10, 5)):
        torch.testing.assert_close(_as_set(after, row, tokens), _as_set(before, row, tokens), atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_joined_values_are_those_of_each_layer(pictures: torch.Tensor) -> None:
    model = tiny_model(seed=2)
    text = _read(model, *PROMPTS)
    apart = model(pictures, text)
    assert join_values(model) == 1
    for name, parameter in model.decoder.layers.named_parameters():
        if "value_proj" in name:
            parameter.fill_(float("nan"))  # not asked any more
    joined = model(pictures, text)
    assert torch.equal(joined.selected.places_BQ, apart.selected.places_BQ)
    torch.testing.assert_close(joined.boxes[-1], apart.boxes[-1], atol=1e-5, rtol=1e-4)
    words = ~text.no_word_BT[:, None].expand_as(apart.logits[-1])
    torch.testing.assert_close(joined.logits[-1][words], apart.logits[-1][words], atol=2e-4, rtol=1e-3)
