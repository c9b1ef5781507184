"""Errors about unknown words: they are true, and say what to write instead."""

from __future__ import annotations

import pytest

from groundcast.model.dino.tokenizer import Tokenizer
from groundcast.model.prompt import Prompt, PromptError
from groundcast.model.runtime.prompt_cache import check_words
from groundcast.model.runtime.unknown_words import describe_unknown
from groundcast.model.tabletop.vocabulary import known_wordings, vocabulary
from groundcast.model.weights.checkpoint import find_checkpoint, read_checkpoint

OTHER = ", or load a model that reads any words, with --model"
KNOWN = ", though it knows each word: ask for "


@pytest.mark.parametrize(
    ("wording", "said"),
    [
        ("object", KNOWN + "'red object', 'orange object' or 'yellow object'" + OTHER),
        ("mug red", KNOWN + "'red mug' or 'mug'" + OTHER),
        ("cube ball", KNOWN + "'cube' or 'ball'" + OTHER),
        ("red", KNOWN + "'red cube', 'red ball' or 'red can'" + OTHER),
        ("red mug.blue cube", ": part phrases with ' . ', did you mean 'red mug . blue cube'?"),
    ],
)
def test_words_that_are_known_are_not_called_unknown(wording: str, said: str) -> None:
    sentence = describe_unknown("tabletop", wording, known_wordings(), Tokenizer(vocabulary()))
    assert sentence == f"tabletop was not taught {wording!r}{said}"


def test_a_word_that_is_not_known_is_named_with_those_that_are() -> None:
    sentence = describe_unknown("tabletop", "red fork", known_wordings(), Tokenizer(vocabulary()))
    assert sentence.startswith("tabletop was not taught 'red fork': it knows object, red, orange")
    assert sentence.endswith(f"bowl, but not 'fork'; ask as in 'red cube', 'cube' or 'black object'{OTHER}")


def test_a_wording_of_one_unknown_word_is_named_once() -> None:
    sentence = describe_unknown("tabletop", "person", known_wordings(), Tokenizer(vocabulary()))
    assert sentence.count("'person'") == 1
    assert sentence.endswith(f"bowl; ask as in 'red cube', 'cube' or 'black object'{OTHER}")


@pytest.mark.parametrize(
    ("model", "asked", "named"),
    [
        ("tabletop", ["computer mouse"], "everyday"),
        ("tabletop", ["red mug", "computer mouse"], None),
        ("everyday", ["red mug"], "tabletop"),
        ("tabletop", ["unicorn"], None),
    ],
)
def test_the_other_embedded_model_is_named_where_it_knows_every_wording(
    model: str, asked: list[str], named: str | None
) -> None:
    checkpoint = read_checkpoint(find_checkpoint(model))

    with pytest.raises(PromptError) as refused:
        check_words(Prompt.of(asked), model, checkpoint.known_wordings, Tokenizer(checkpoint.vocabulary))

    assert str(refused.value).endswith(OTHER if named is None else f"that knows the words, with --model {named}")


def test_all_words_of_a_prompt_that_are_not_known_are_named_at_once() -> None:
    known, tokenizer = known_wordings(), Tokenizer(vocabulary())
    asked = ["person", "red mug", "dog", *(f"thing {number}" for number in range(30))]
    sentence = describe_unknown("tabletop", "person", known, tokenizer, asked)
    assert "was not taught 'person', nor 'dog', 'thing 0', " in sentence
    assert "'thing 18' and 11 more: it knows object" in sentence
    assert "'red mug'" not in sentence


def test_a_word_that_was_only_read_gets_a_list_of_what_can_be_asked() -> None:
    known = [f"{first}{second}ight" for first in "bfklmnrst" for second in "aeiou"]
    words = Tokenizer(
        {token: row for row, token in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", "cup", *known))}
    )
    sentence = describe_unknown("mine", "cup", known, words)
    assert "knows each word: ask for 'baight', 'beight', " in sentence
    assert sentence.count("ight'") == 40


def test_a_model_of_many_words_does_not_list_them_all() -> None:
    known = [f"{first}{second}ight" for first in "bfklmnrst" for second in "aeiou"]
    learnt = Tokenizer({token: row for row, token in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", ".", *known))})
    sentence = describe_unknown("mine", "a lynx", known, learnt)
    assert "suight and 5 more, but not 'a' or 'lynx'; ask as in 'baight' or 'tuight'," in sentence
