"""Leases: what each client asked for is there while its time lasts, and gone afterwards."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from groundcast.model.prompt import Phrase, Prompt
from groundcast.stream.node.leases import LeaseLimits, Leases
from groundcast.stream.node.node_api import CommandError

BASE = Prompt((Phrase("red mug"), Phrase("table", negative=True)))
BOLT = (Phrase("bolt"),)
CLIENTS, SOURCES, NAMES = ("anna", "ben"), ("left", "right"), ("red mug", "Bolt", "bolt", "nut", "table", "cup.")


def test_a_lease_adds_its_phrases_until_its_time_is_over() -> None:
    leases, held = Leases().ask("anna", BOLT, 10.0, None, None, now_s=100.0)

    assert leases.prompt(BASE, "left").names == ("red mug", "bolt")
    assert held.until_s == 110.0
    assert leases.expire(109.9) is leases
    assert leases.expire(110.0).prompt(BASE, "left") == BASE


def test_what_others_ask_for_as_well_is_asked_once_and_stays_when_one_of_them_leaves() -> None:
    leases, first = Leases().ask("anna", BOLT, 10.0, None, None, 0.0)
    leases, _ = leases.ask("ben", (Phrase("Bolt."), Phrase("Red Mug", threshold=0.9)), 10.0, None, None, 0.0)

    assert leases.prompt(BASE, "left").names == ("red mug", "bolt")
    assert leases.release(first.id).prompt(BASE, "left").names == ("red mug", "Bolt.")


def test_a_lease_for_one_source_leaves_the_others_alone() -> None:
    leases, _ = Leases().ask("anna", BOLT, 10.0, "left", None, 0.0)

    assert leases.prompt(BASE, "left").names == ("red mug", "bolt")
    assert leases.prompt(BASE, "right").names == ("red mug",)


def test_a_negative_phrase_is_reported_while_a_client_leases_it() -> None:
    leases, _ = Leases().ask("anna", (Phrase("table"),), 10.0, None, None, 0.0)

    assert leases.prompt(BASE, "left").names == ("red mug", "table")


def test_a_renewed_lease_keeps_its_place_and_belongs_to_who_renewed_it() -> None:
    leases, first = Leases().ask("anna", BOLT, 10.0, None, None, 0.0)
    leases, _ = leases.ask("anna", (Phrase("nut"),), 10.0, None, None, 0.0)
    leases, renewed = leases.ask("ben", (Phrase("washer"),), 20.0, None, first.id, 5.0)

    assert renewed.id == first.id
    assert leases.prompt(BASE, "left").names == ("red mug", "washer", "nut")
    assert leases.release(first.id, "anna") is leases
    assert leases.release(first.id, "ben").prompt(BASE, "left").names == ("red mug", "nut")


def test_a_lease_that_is_over_cannot_be_renewed() -> None:
    leases, held = Leases().ask("anna", BOLT, 10.0, None, None, 0.0)

    with pytest.raises(CommandError, match="ask without its id") as refused:
        leases.ask("anna", BOLT, 10.0, None, held.id, 10.0)

    assert refused.value.code == "unknown_lease"


@pytest.mark.parametrize("seconds", [0.0, 0.99, 3601.0, float("nan"), float("inf"), -5.0])
def test_a_lease_has_an_end_that_can_be_meant(seconds: float) -> None:
    with pytest.raises(CommandError, match="ask for 1 to 3600 s"):
        Leases().ask("anna", BOLT, seconds, None, None, 0.0)


@pytest.mark.parametrize(
    "phrases",
    [(), (Phrase("a"), Phrase("A.")), (Phrase("a", negative=True),), (Phrase("b"), Phrase("a", negative=True))],
)
def test_phrases_that_cannot_be_leased_are_refused(phrases: tuple[Phrase, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        Leases().ask("anna", phrases, 10.0, None, None, 0.0)

    assert refused.value.code == "bad_prompt"


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (LeaseLimits(leases=2), "leases in all"),
        (LeaseLimits(leases_of_user=1), "leases of one user"),
        (LeaseLimits(wordings=5), "wordings in all"),
        (LeaseLimits(wordings_of_user=3), "wordings of one user"),
    ],
)
def test_no_client_can_lease_more_than_the_limits(limits: LeaseLimits, what: str) -> None:
    two = (Phrase("nut"), Phrase("bolt"))
    leases, mine = Leases(limits=limits).ask("anna", two, 10.0, None, None, 0.0)
    leases, _ = leases.ask("ben", two, 10.0, None, None, 0.0)

    with pytest.raises(CommandError, match=what):
        leases.ask("anna", two, 10.0, None, None, 0.0)

    leases.ask("anna", (Phrase("washer"),), 10.0, None, mine.id, 0.0)  # what is renewed takes no more room
    leases.ask("anna", two, 10.0, None, None, 10.0)  # what is over makes room


def test_wordings_count_and_not_only_the_phrases_that_they_are_for() -> None:
    flood = tuple(Phrase(f"thing {i}", tuple(f"wording {i} {j}" for j in range(60))) for i in range(15))
    with pytest.raises(CommandError, match="900 wordings in all would be leased: at most 512"):
        Leases().ask("eve", flood, 10.0, None, None, 0.0)


def test_connections_with_one_key_share_what_one_user_may_ask_for() -> None:
    leases, _ = Leases(limits=LeaseLimits(leases_of_user=2)).ask("anna/01", BOLT, 10.0, None, None, 0.0)
    leases, _ = leases.ask("anna/02", BOLT, 10.0, None, None, 0.0)

    with pytest.raises(CommandError, match="3 leases of one user"):
        leases.ask("anna/03", BOLT, 10.0, None, None, 0.0)

    leases.ask("ben/01", BOLT, 10.0, None, None, 0.0)


class LeasesAndWhatIsMeant(RuleBasedStateMachine):
    """Any commands in any order, beside the plainest account of what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases(limits=LeaseLimits(wordings_of_user=1000))
        self.now_s = 0.0
        self.meant: dict[str, tuple[str, frozenset[str], str | None, float]] = {}

    @rule(
        client=st.sampled_from(CLIENTS),
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique_by=lambda name: Phrase(name).spoken),
        seconds=st.floats(1.0, 20.0),
        source=st.none() | st.sampled_from(SOURCES),
        pick=st.none() | st.integers(0, 50),
    )
    def ask(self, client: str, names: list[str], seconds: float, source: str | None, pick: int | None) -> None:
        lease = sorted(self.meant)[pick % len(self.meant)] if pick is not None and self.meant else None
        phrases = [Phrase(name) for name in names]
        self.leases, held = self.leases.ask(client, phrases, seconds, source, lease, self.now_s)
        assert held.id == lease or held.id not in self.meant
        spoken = frozenset(phrase.spoken for phrase in phrases)
        self.meant[held.id] = (client, spoken, source, self.now_s + seconds)

    @rule(pick=st.integers(0, 50), client=st.none() | st.sampled_from(CLIENTS))
    def release(self, pick: int, client: str | None) -> None:
        lease = sorted(self.meant)[pick % len(self.meant)] if self.meant else "never there"
        self.leases = self.leases.release(lease, client)
        if lease in self.meant and client in (None, self.meant[lease][0]):
            del self.meant[lease]

    @rule(seconds=st.floats(0.0, 15.0))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.leases = self.leases.expire(self.now_s)
        self.meant = {lease: one for lease, one in self.meant.items() if one[3] > self.now_s}

    @invariant()
    def no_lease_is_lost_or_left_behind(self) -> None:
        assert {one.id: one.until_s for one in self.leases.held} == {id_: one[3] for id_, one in self.meant.items()}
        assert len(self.leases.infos(self.now_s)) == len(self.meant)

    @invariant()
    def each_source_is_asked_for_exactly_the_union(self) -> None:
        for source in SOURCES:
            asked = {"red mug"}.union(*(one[1] for one in self.meant.values() if one[2] in (None, source)))
            names = self.leases.prompt(BASE, source).names
            assert sorted(Phrase(name).spoken for name in names) == sorted(asked)


LeasesAndWhatIsMeant.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestLeases = LeasesAndWhatIsMeant.TestCase
