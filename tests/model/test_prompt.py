"""Prompts: what a user may write, and what is refused in one sentence."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from groundcast.model.prompt import MAX_WORDINGS, Phrase, Prompt, PromptError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (" Red  mug . blue cube;green can\nwhite ring.", ["Red mug", "blue cube", "green can", "white ring"]),
        ("3.5 mm jack . U.S. flag", ["3.5 mm jack", "U.S. flag"]),
        ("1.5l bottle . 1,000 g weight", ["1.5l bottle", "1,000 g weight"]),
        ("U.S. flag", ["U.S. flag"]),
        ("flag of the U.S.", ["flag of the U.S."]),
        ("Dr. Pepper can . coke", ["Dr. Pepper can", "coke"]),
        ("Dr. Pepper can .", ["Dr. Pepper can"]),
        ("Dr. Pepper can; coke", ["Dr. Pepper can", "coke"]),
        (".22 rifle . node.js sticker . cat.dog", [".22 rifle", "node.js sticker", "cat.dog"]),
        ("a cat.", ["a cat"]),
        ("a cat . a dog.", ["a cat", "a dog"]),
        ("a cat. a remote control.", ["a cat", "a remote control"]),
        ("a cat.\na dog.\n", ["a cat", "a dog"]),
        ("cat ... dog...", ["cat", "dog"]),
        ("cat... dog", ["cat", "dog"]),
        ("is it 3.5?", ["is it 3.5?"]),
    ],
)
def test_a_dot_that_stands_alone_parts_phrases_and_one_within_a_word_does_not(text: str, names: list[str]) -> None:
    assert list(Prompt.parse(text).names) == names


@pytest.mark.parametrize("text", ["", "   ", ".", " . ; \n ."])
def test_only_separators_ask_for_nothing(text: str) -> None:
    with pytest.raises(PromptError, match="asks for nothing"):
        Prompt.parse(text)


def test_commas_are_answered_with_what_was_meant() -> None:
    with pytest.raises(PromptError, match=r"did you mean 'red mug \. blue cube'"):
        Prompt.parse("red mug, blue cube")


def test_the_model_is_asked_what_was_written_but_for_case_and_marks_at_the_end() -> None:
    prompt = Prompt.of(["M2.5 screw", "Dr. Pepper", "flag of the U.S.", "Whose? mug?", "a cat ."])
    assert prompt.names == ("M2.5 screw", "Dr. Pepper", "flag of the U.S.", "Whose? mug?", "a cat .")
    asked = [wording for phrase in prompt.phrases for wording in phrase.wordings]
    assert asked == ["m2.5 screw", "dr. pepper", "flag of the u.s", "whose? mug", "a cat"]


@pytest.mark.parametrize("name", ["", ".", "...", "? .", ";"])
def test_a_phrase_of_nothing_but_marks_is_refused(name: str) -> None:
    with pytest.raises(PromptError, match="has no words"):
        Phrase(name)


def test_two_phrases_that_differ_by_their_last_dot_are_the_same_one_twice() -> None:
    with pytest.raises(PromptError, match="twice"):
        Prompt.of(["cat", "cat."])


def test_a_name_twice_is_refused_whatever_its_case() -> None:
    with pytest.raises(PromptError, match="twice"):
        Prompt.parse("red mug . Red Mug")


@pytest.mark.parametrize("threshold", [float("nan"), -0.1, 1.1, float("inf")])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(PromptError, match=r"0\.\.1"):
        Phrase("mug", threshold=threshold)


def test_negative_phrases_are_asked_but_not_reported() -> None:
    assert Prompt((Phrase("mug"), Phrase("cup", negative=True))).names == ("mug",)
    with pytest.raises(PromptError, match="asks for nothing"):
        Prompt((Phrase("cup", negative=True),))


def test_the_hash_tells_prompts_apart() -> None:
    assert Prompt.parse("mug . can").hash == Prompt.of(["mug", "can"]).hash
    assert Prompt.parse("mug . can").hash != Prompt.parse("can . mug").hash
    assert Prompt((Phrase("mug"),)).hash != Prompt((Phrase("mug", threshold=0.5),)).hash


def test_the_hash_is_made_once() -> None:
    prompt = Prompt.parse("mug . can")
    assert prompt.hash is prompt.hash
    assert replace(prompt, phrases=(Phrase("mug"),)).hash == Prompt.parse("mug").hash
    assert pickle.loads(pickle.dumps(prompt)).hash == prompt.hash


def test_a_phrase_too_long_to_be_one_is_refused() -> None:
    with pytest.raises(PromptError, match="longer than 200"):
        Phrase("mug " * 60)


def test_wordings_are_limited_in_length_and_in_number() -> None:
    with pytest.raises(PromptError, match="a wording of 201 characters"):
        Phrase("mug", ("w" * 201,))
    half = tuple(f"kind {number}" for number in range(MAX_WORDINGS // 2))
    with pytest.raises(PromptError, match="4001 wordings: at most 4000"):
        Prompt((Phrase("mug", half), Phrase("cup", half), Phrase("can")))


def test_half_a_surrogate_pair_is_no_text() -> None:
    for phrase in (lambda: Phrase("red \ud800"), lambda: Phrase("red", ("a \udfff",))):
        with pytest.raises(PromptError, match="no text"):
            phrase()
