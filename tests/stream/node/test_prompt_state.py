"""The prompt of each source, and its version."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from groundcast.model.prompt import MAX_WORDINGS, Phrase, Prompt, PromptError
from groundcast.stream.node.node_api import CommandError
from groundcast.stream.node.prompt_state import PromptState
from groundcast.stream.options import SourceOptions

LEFT = SourceOptions("left", "left.mp4")
RIGHT = SourceOptions("right", "right.mp4")
OWN = SourceOptions("own", "own.mp4", prompt=Prompt.parse("bolt"), threshold=0.6)


def know(prompt: Prompt) -> None:
    if any("mauve" in phrase.wordings for phrase in prompt.phrases):
        raise PromptError("what is mauve?")


@pytest.fixture
def state() -> PromptState:
    state = PromptState(Prompt.parse("mug . cup"), know, captions=lambda prompt: -(-len(prompt.phrases) // 3))
    state.start([LEFT, RIGHT, OWN])
    return state


def prompt_of(state: PromptState, source: str) -> tuple[int, tuple[str, ...]]:
    versioned = state.of(source)
    return versioned.version, versioned.prompt.names


def refused(command: Callable[[], object]) -> str:
    with pytest.raises(CommandError) as error:
        command()
    return error.value.code


def test_a_source_has_its_own_prompt_or_else_the_nodes(state: PromptState) -> None:
    assert [prompt_of(state, name) for name in ("left", "own")] == [(1, ("mug", "cup")), (1, ("bolt",))]
    assert [phrase.threshold for phrase in state.of("own").prompt.phrases] == [0.6]


def test_the_nodes_prompt_changes_those_without_one_of_their_own(state: PromptState) -> None:
    state.set_prompt(Prompt.parse("can"), None, if_version=1)
    assert prompt_of(state, "right") == (2, ("can",))
    assert prompt_of(state, "own") == (1, ("bolt",))


def test_a_prompt_everywhere_replaces_those_of_single_sources(state: PromptState) -> None:
    state.set_prompt(Prompt.parse("can"), None, None, everywhere=True)
    assert [prompt_of(state, name) for name in ("left", "own")] == [(2, ("can",))] * 2
    state.set_prompt(Prompt.parse("nut"), None, None)
    assert prompt_of(state, "own") == (3, ("nut",))


def test_a_sources_prompt_changes_it_alone(state: PromptState) -> None:
    state.set_prompt(Prompt.parse("can"), "left", None)
    assert [prompt_of(state, name)[0] for name in ("left", "right", "own")] == [2, 1, 1]
    state.set_prompt(Prompt.parse("nut"), None, None)
    assert prompt_of(state, "left") == (2, ("can",))
    assert state.snapshot.version == 3


def test_the_same_prompt_again_is_a_version_of_its_own(state: PromptState) -> None:
    state.set_prompt(Prompt.parse("mug . cup"), None, None)
    assert prompt_of(state, "left")[0] == 2


def test_a_client_that_has_not_seen_the_newest_version_does_not_overwrite_it(state: PromptState) -> None:
    state.set_prompt(Prompt.parse("can"), "own", None)
    assert refused(lambda: state.set_prompt(Prompt.parse("nut"), None, 1)) == "version_conflict"
    assert refused(lambda: state.set_thresholds({"mug": 0.5}, None, 1)) == "version_conflict"
    assert prompt_of(state, "left") == (1, ("mug", "cup"))


def test_thresholds_change_by_name_and_nothing_else(state: PromptState) -> None:
    state.set_thresholds({"cup": 0.7}, None, None)
    state.set_thresholds({"mug": 0.2}, "left", None)
    assert [phrase.threshold for phrase in state.of("left").prompt.phrases] == [0.2, 0.7]
    assert [phrase.threshold for phrase in state.of("right").prompt.phrases] == [None, 0.7]
    assert [state.of(name).version for name in ("left", "right", "own")] == [3, 2, 1]


@pytest.mark.parametrize("thresholds", [{"spoon": 0.5}, {"mug": 1.5}, {"mug": float("nan")}, {"mug": 0.5, "": 0.5}])
def test_thresholds_that_make_no_sense_change_nothing(state: PromptState, thresholds: dict[str, float]) -> None:
    before = state.snapshot
    for source in (None, "left"):
        assert refused(lambda source=source: state.set_thresholds(thresholds, source, None)) == "bad_prompt"
    assert state.snapshot is before


def test_thresholds_last_until_the_prompt_is_set_anew(state: PromptState) -> None:
    state.set_thresholds({"mug": 0.2}, "left", None)
    state.set_prompt(Prompt.parse("mug"), None, None)
    assert [phrase.threshold for phrase in state.of("left").prompt.phrases] == [None]


def test_a_source_that_is_read_otherwise_keeps_the_scores_of_its_phrases(state: PromptState) -> None:
    state.set_thresholds({"mug": 0.2}, "left", None)
    state.put(SourceOptions("left", "left.mp4", threshold=0.6))
    assert [phrase.threshold for phrase in state.of("left").prompt.phrases] == [0.2, 0.6]


def test_leases_add_to_every_source_and_go_when_their_time_is_over(state: PromptState) -> None:
    state.ask("arm", [Phrase("nut")], 10.0, None, None, now_s=100.0)
    assert prompt_of(state, "left") == (2, ("mug", "cup", "nut"))
    assert prompt_of(state, "own") == (2, ("bolt", "nut"))
    assert state.of("own").prompt.phrases[1].threshold == 0.6
    state.expire(109.0)
    assert state.snapshot.version == 2
    state.expire(110.5)
    assert prompt_of(state, "own") == (3, ("bolt",))


def test_a_lease_for_one_source_or_with_nothing_new_leaves_the_others_their_version(state: PromptState) -> None:
    state.ask("arm", [Phrase("nut")], 10.0, "own", None, now_s=0.0)
    state.ask("eye", [Phrase("Cup")], 10.0, "left", None, now_s=0.0)
    assert [state.of(name).version for name in ("left", "right", "own")] == [1, 1, 2]
    assert state.snapshot.version == 2


def test_a_lease_that_is_renewed_or_released_changes_only_what_it_must(state: PromptState) -> None:
    held = state.ask("arm", [Phrase("nut")], 10.0, "left", None, now_s=0.0)
    state.ask("arm", [Phrase("nut")], 10.0, "left", held.id, now_s=8.0)
    assert state.snapshot.version == 2
    state.expire(15.0)
    assert prompt_of(state, "left")[1] == ("mug", "cup", "nut")
    assert state.release(held.id) is not None
    assert prompt_of(state, "left") == (3, ("mug", "cup"))
    assert state.release(held.id) is None
    assert state.snapshot.version == 3


def test_a_lease_of_unknown_words_changes_nothing(state: PromptState) -> None:
    before = state.snapshot
    assert refused(lambda: state.ask("arm", [Phrase("mauve")], 10.0, None, None, now_s=0.0)) == "bad_prompt"
    assert state.snapshot is before


def test_a_source_that_comes_back_with_another_prompt_carries_a_version_of_its_own(state: PromptState) -> None:
    state.drop("own")
    assert "own" not in state.snapshot.prompts
    state.put(SourceOptions("own", "own.mp4", prompt=Prompt.parse("nut")))
    assert prompt_of(state, "own") == (2, ("nut",))


def test_other_options_that_ask_for_the_same_leave_the_version(state: PromptState) -> None:
    state.set_thresholds({"mug": 0.2}, "left", None)
    state.put(SourceOptions("left", "left.mp4", target_hz=2.0))
    assert prompt_of(state, "left")[0] == 2
    state.put(SourceOptions("left", "left.mp4", threshold=0.5))
    assert prompt_of(state, "left")[0] == 3


def test_a_lease_with_unknown_words_is_refused_though_another_leases_wording_hides_them(state: PromptState) -> None:
    first = state.ask("anna", [Phrase("bolt")], 2.0, None, None, 0.0)
    before = state.snapshot
    hidden = Phrase("bolt", ask=("mauve",))  # which would come to light when the first lease ends
    assert refused(lambda: state.ask("ben", [hidden], 60.0, None, None, 0.0)) == "bad_prompt"
    assert state.snapshot is before
    state.expire(first.until_s)
    assert prompt_of(state, "left")[1] == ("mug", "cup")


def test_a_prompt_that_leaves_no_room_for_leases_ends_the_newest_of_them(state: PromptState) -> None:
    prompt = Prompt(tuple(Phrase(f"thing {number}") for number in range(999)))
    kept = state.ask("anna", [Phrase("bolt")], 60.0, None, None, 0.0)
    elsewhere = state.ask("anna", [Phrase("washer")], 60.0, "own", None, 0.0)
    ended = state.ask("ben", [Phrase("nut")], 60.0, "left", None, 0.0)

    state.set_prompt(prompt, "left", None)

    assert prompt_of(state, "left")[1] == (*prompt.names, "bolt")
    assert set(state.snapshot.leases.ids) == {kept.id, elsewhere.id}
    assert refused(lambda: state.ask("ben", [Phrase("nut")], 60.0, None, ended.id, 1.0)) == "unknown_lease"
    assert refused(lambda: state.ask("ben", [Phrase("nut")], 60.0, None, None, 1.0)) == "too_many"


def test_a_source_with_a_long_prompt_can_be_added_beside_leases(state: PromptState) -> None:
    state.ask("anna", [Phrase("bolt")], 60.0, None, None, 0.0)
    prompt = Prompt(tuple(Phrase(f"thing {number}") for number in range(1000)))

    state.put(SourceOptions("long", "long.mp4", prompt=prompt))

    assert prompt_of(state, "long")[1] == prompt.names
    assert not state.snapshot.leases.ids


def test_leases_for_a_source_end_with_it(state: PromptState) -> None:
    everywhere = state.ask("anna", [Phrase("bolt")], 60.0, None, None, 0.0)
    state.ask("anna", [Phrase("nut")], 60.0, "left", None, 0.0)

    state.drop("left")
    state.put(LEFT)

    assert set(state.snapshot.leases.ids) == {everywhere.id}
    assert prompt_of(state, "left")[1] == ("mug", "cup", "bolt")


def test_leases_cost_no_more_captions_than_one_user_may_have(state: PromptState) -> None:
    state.ask("anna/1", [Phrase("nut"), Phrase("bolt")], 60.0, None, None, 0.0)
    state.ask("anna/2", [Phrase("washer")], 60.0, None, None, 0.0)
    before = state.snapshot
    assert refused(lambda: state.ask("anna/3", [Phrase("screw")], 60.0, None, None, 0.0)) == "too_many"
    assert state.snapshot is before
    state.ask("ben/1", [Phrase("screw")], 60.0, None, None, 0.0)


def test_a_prompt_of_many_wordings_ends_leases_that_it_leaves_no_room_for(state: PromptState) -> None:
    state.ask("anna/1", [Phrase("nut"), Phrase("bolt")], 60.0, None, None, 0.0)
    many = tuple(f"kind {number}" for number in range(MAX_WORDINGS - 1))
    state.set_prompt(Prompt((Phrase("thing", many),)), None, None)
    assert not state.snapshot.leases.held


def test_a_source_more_costs_no_time_for_the_long_prompts_of_the_others(state: PromptState) -> None:
    for number in range(60):
        prompt = Prompt(tuple(Phrase(f"thing {number} {name}") for name in range(900)))
        state.put(SourceOptions(f"camera-{number}", "camera.mp4", prompt=prompt))
    state.ask("anna/1", [Phrase("nut")], 60.0, "left", None, 0.0)
    began_s = time.thread_time()
    state.put(SourceOptions("one more", "camera.mp4", prompt=Prompt.parse("cup")))
    assert time.thread_time() - began_s < 0.2  # it was more than half a second
