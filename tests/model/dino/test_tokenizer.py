"""Tokenizer: which token belongs to which wording, and which tokens each attends to."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import pytest
import torch

from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Phrase, Prompt, PromptError
from groundcast.model.tabletop.vocabulary import vocabulary


def test_the_caption_is_the_wordings_with_a_dot_after_each() -> None:
    tokenizer = Tokenizer(vocabulary())
    tokens = {index: token for token, index in tokenizer.vocabulary.items()}
    encoded = tokenizer.encode(Prompt.parse("red mug . can"))
    assert [tokens[int(i)] for i in encoded.ids_T] == ["[CLS]", "red", "mug", ".", "can", ".", "[SEP]"]
    assert encoded.positions_T.tolist() == [0, 0, 1, 2, 0, 1, 0]


def test_a_wording_sees_itself_and_its_dot_alone() -> None:
    encoded = Tokenizer(vocabulary()).encode(Prompt.parse("red mug . can"))
    expected = torch.block_diag(*(torch.ones(n, n) for n in (1, 3, 2, 1))).bool()
    assert torch.equal(encoded.sees_TT, expected)


def test_spans_leave_out_the_dots_and_name_their_phrase() -> None:
    prompt = Prompt((Phrase("cup", ask=("red mug", "mug")), Phrase("can")))
    encoded = Tokenizer(vocabulary()).encode(prompt)
    assert encoded.phrase_of_W == (0, 0, 1)
    assert [row.nonzero().flatten().tolist() for row in encoded.spans_WT] == [[1, 2], [4], [6]]


def test_a_dot_within_a_phrase_is_read_but_parts_nothing_and_answers_nothing() -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "?", "3", "5", "mm", "jack", "u", "s", "flag", "whose"]
    tokenizer = Tokenizer({word: row for row, word in enumerate(words)})
    encoded = tokenizer.encode(Prompt.parse("3.5 mm jack . U.S. flag . whose? flag"))
    caption = "[CLS] 3 . 5 mm jack . u . s . flag . whose ? flag . [SEP]"
    assert " ".join(tokenizer.words(encoded)) == caption
    assert torch.equal(encoded.sees_TT, torch.block_diag(*(torch.ones(n, n) for n in (1, 6, 6, 4, 1))).bool())
    spans = [[tokenizer.words(encoded)[place] for place in row.nonzero().flatten()] for row in encoded.spans_WT]
    assert spans == [["3", "5", "mm", "jack"], ["u", "s", "flag"], ["whose", "flag"]]


def test_more_tokens_than_the_encoder_reads_are_refused() -> None:
    phrases = tuple(Phrase(f"thing {i}", ask=("red mug",)) for i in range(90))
    with pytest.raises(PromptError, match="more than 256 tokens"):
        Tokenizer(vocabulary()).encode(Prompt(phrases))
