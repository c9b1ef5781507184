"""Our BERT gives the output of transformers' with the same weights."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import torch
from transformers import BertConfig, BertModel

from groundcast.model.config import TextConfig
from groundcast.model.dino.bert import Bert
from groundcast.model.dino.layers import lowest

CONFIG = TextConfig(vocabulary=50, width=48, layers=3, heads=4, feed_forward=96)


def theirs() -> BertModel:
    config = BertConfig(
        vocab_size=CONFIG.vocabulary,
        hidden_size=CONFIG.width,
        num_hidden_layers=CONFIG.layers,
        num_attention_heads=CONFIG.heads,
        intermediate_size=CONFIG.feed_forward,
        initializer_range=0.3,
    )
    return BertModel(config, add_pooling_layer=False).eval()


def test_it_answers_as_transformers_does_under_any_mask() -> None:
    torch.manual_seed(0)
    their_bert, ours = theirs(), Bert(CONFIG)
    ours.load_state_dict(their_bert.state_dict())  # strict: the same names and shapes
    ids, places = torch.randint(0, 50, (2, 9)), torch.randint(0, 512, (2, 9))
    sees = torch.eye(9, dtype=torch.bool) | (torch.rand(2, 1, 9, 9) > 0.5)
    mask = torch.zeros(2, 1, 9, 9).masked_fill(~sees, lowest(torch.float32))

    with torch.no_grad():
        expected = their_bert(input_ids=ids, attention_mask=mask, position_ids=places).last_hidden_state
        found = ours(ids, places, mask)

    assert float((found - expected).abs().max()) < 1e-5


def test_fresh_weights_are_drawn_as_theirs() -> None:
    bert = Bert(CONFIG)

    linear = [one for one in bert.modules() if isinstance(one, torch.nn.Linear)]
    assert not bert.embeddings.word_embeddings.weight[0].any()
    assert not any(one.bias.any() for one in linear)
    assert all(abs(float(one.weight.detach().std()) - 0.02) < 0.005 for one in linear)
