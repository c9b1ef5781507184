"""What a user may ask, and what is refused in one sentence."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from groundcast.model.prompt import Phrase, Prompt, PromptError


def test_a_string_is_parted_at_dots_semicolons_and_lines() -> None:
    assert Prompt.parse(" Red  mug . blue cube;green can\nwhite ring.").names == (
        "Red mug",
        "blue cube",
        "green can",
        "white ring",
    )


@pytest.mark.parametrize("text", ["", "   ", ".", " . ; \n ."])
def test_only_separators_ask_for_nothing(text: str) -> None:
    with pytest.raises(PromptError, match="asks for nothing"):
        Prompt.parse(text)


def test_commas_are_answered_with_what_was_meant() -> None:
    with pytest.raises(PromptError, match=r"did you mean 'red mug \. blue cube'"):
        Prompt.parse("red mug, blue cube")


def test_a_dot_inside_a_listed_phrase_stays_in_its_name() -> None:
    prompt = Prompt.of(["M2.5 screw", "nut"])
    assert prompt.names == ("M2.5 screw", "nut")
    assert prompt.phrases[0].wordings == ("m25 screw",)


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
