"""Leases: phrases that clients add to the prompt, each for a limited time."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...model.prompt import MAX_PHRASES, MAX_WORDINGS, Phrase, Prompt, PromptError
from .node_api import CommandError, LeaseInfo, user_of


@dataclass(frozen=True, slots=True)
class LeaseLimits:
    """How much may be leased, by one user and in all, and for how long.

    A wording is a text that the model looks for; a phrase has one or more. A caption holds as many wordings as the
    model reads at once, and costs a pass for every picture.
    """

    leases: int = 256
    leases_of_user: int = 32
    wordings: int = 512
    wordings_of_user: int = 64
    captions: int = 8
    captions_of_user: int = 1
    min_s: float = 1.0
    max_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease in force.

    Args:
        id: names it; a client that knows the id may renew or end the lease.
        client: the connection that renewed it last, after its user and '/' where the user is known.
        phrases: to find; none is negative.
        source: in this source alone, or None for every one.
        until_s: when it ends, on the clock of `now_s`.
    """

    id: str
    client: str
    phrases: tuple[Phrase, ...]
    source: str | None
    until_s: float

    @property
    def user(self) -> str:
        """The user whose connection renewed it last."""
        return user_of(self.client)


@dataclass(frozen=True, slots=True)
class Leases:
    """All leases in force, the oldest first. A change returns a new object, so that it can be tried and discarded.

    `now_s` is read from a monotonic clock, the same in each call.
    """

    held: tuple[HeldLease, ...] = ()
    limits: LeaseLimits = field(default_factory=LeaseLimits)

    def ask(
        self,
        client: str,
        phrases: Sequence[Phrase],
        seconds: float,
        source: str | None,
        lease: str | None,
        now_s: float,
    ) -> tuple[Leases, HeldLease]:
        """Add a lease; or, with the id of one, renew that: its phrases, its time and its client become those given.

        Raises:
            CommandError: bad_prompt for phrases that cannot be leased, bad_request for a time beyond the limits,
                unknown_lease for a lease that has ended, too_many beyond the other limits.
        """
        _check_phrases(phrases)
        min_s, max_s = self.limits.min_s, self.limits.max_s
        if not min_s <= seconds <= max_s:  # also refuses NaN
            raise CommandError("bad_request", f"a lease of {seconds:g} s: ask for {min_s:g} to {max_s:g} s")
        current = self.expire(now_s)
        new = HeldLease(lease or secrets.token_urlsafe(16), client, tuple(phrases), source, now_s + seconds)
        if lease is None:
            held = (*current.held, new)
        elif any(one.id == lease for one in current.held):
            held = tuple(new if one.id == lease else one for one in current.held)
        else:
            raise CommandError("unknown_lease", "the lease has ended, or there never was one: ask without its id")
        self._check_held(held, new.user)
        return replace(self, held=held), new

    def release(self, lease: str, client: str | None = None) -> Leases:
        """Without that lease, with `client` only if that renewed it last; self if nothing ends."""
        return self._only(tuple(one for one in self.held if one.id != lease or client not in (None, one.client)))

    def without_source(self, source: str) -> Leases:
        """Without those for one source alone; self if there are none."""
        return self._only(tuple(one for one in self.held if one.source != source))

    def expire(self, now_s: float) -> Leases:
        """Without those whose time is over; self if there are none."""
        return self._only(tuple(one for one in self.held if one.until_s > now_s))

    def that_fit(self, prompts: Mapping[str, Prompt]) -> Leases:
        """Without those that do not fit beside the sources' own prompts, the newest first; self if all fit."""
        if not self.held:
            return self
        capacities = {source: _Capacity(prompt.phrases) for source, prompt in prompts.items()}
        kept: list[HeldLease] = []
        for one in self.held:
            affected = [capacity for source, capacity in capacities.items() if one.source in (None, source)]
            if all(capacity.fits(one.phrases) for capacity in affected):
                kept.append(one)
                for capacity in affected:
                    capacity.add(one.phrases)
        return self._only(tuple(kept))

    def check_captions(self, user: str, captions: Callable[[Prompt], int]) -> None:
        """Raise CommandError too_many if the leases of a user, or all, need too many captions.

        Args:
            captions: how many captions a model makes of a prompt.
        """
        own = [one for one in self.held if one.user == user]
        counts = (
            (_captions(self.held, captions), self.limits.captions, "captions in all"),
            (_captions(own, captions), self.limits.captions_of_user, "captions of one user"),
        )
        _check_limits(counts)

    @property
    def ids(self) -> Collection[str]:
        """The ids of the leases in force."""
        return {one.id for one in self.held}

    def prompt(self, base: Prompt, source: str) -> Prompt:
        """A source's own prompt, followed by the phrases that the leases add.

        A phrase that is there twice, in any spelling, is kept once, with the wordings and the threshold of the first.
        A leased phrase replaces the same phrase if that is negative.

        Raises:
            CommandError: too_many for more than one prompt may hold.
        """
        concerned = [one for one in self.held if one.source in (None, source)]
        if not concerned:
            return base
        union = {phrase.spoken: phrase for phrase in base.phrases}
        for one in concerned:
            for phrase in one.phrases:
                if phrase.spoken not in union or union[phrase.spoken].negative:
                    union[phrase.spoken] = phrase
        try:
            return Prompt(tuple(union.values()))
        except PromptError as error:
            raise CommandError("too_many", str(error)) from error

    def infos(self, now_s: float) -> tuple[LeaseInfo, ...]:
        """The leases as a status reports them."""
        return tuple(
            LeaseInfo(one.client, tuple(phrase.name for phrase in one.phrases), one.source, one.until_s - now_s)
            for one in self.expire(now_s).held
        )

    def _only(self, held: tuple[HeldLease, ...]) -> Leases:
        return self if len(held) == len(self.held) else replace(self, held=held)

    def _check_held(self, held: tuple[HeldLease, ...], user: str) -> None:
        limits = self.limits
        own = [one for one in held if one.user == user]
        counts = (
            (len(held), limits.leases, "leases in all"),
            (len(own), limits.leases_of_user, "leases of one user"),
            (_wordings(held), limits.wordings, "wordings in all"),
            (_wordings(own), limits.wordings_of_user, "wordings of one user"),
        )
        _check_limits(counts)


class _Capacity:
    """How full a source's prompt is."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._wordings: dict[str, int] = {}
        self._count = 0
        self.add(phrases)

    def fits(self, phrases: Iterable[Phrase]) -> bool:
        new = self._new(phrases)
        count = len(self._wordings) + sum(spoken not in self._wordings for spoken in new)
        return count <= MAX_PHRASES and self._count + sum(new.values()) <= MAX_WORDINGS

    def add(self, phrases: Iterable[Phrase]) -> None:
        for spoken, more in self._new(phrases).items():
            self._wordings[spoken] = self._wordings.get(spoken, 0) + more
            self._count += more

    def _new(self, phrases: Iterable[Phrase]) -> dict[str, int]:
        """How many wordings each phrase adds."""
        counts = {phrase.spoken: max(1, len(phrase.ask)) for phrase in phrases}
        return {spoken: max(0, count - self._wordings.get(spoken, 0)) for spoken, count in counts.items()}


def _wordings(leases: Iterable[HeldLease]) -> int:
    return sum(max(1, len(phrase.ask)) for one in leases for phrase in one.phrases)


def _captions(leases: Iterable[HeldLease], captions: Callable[[Prompt], int]) -> int:
    phrases = {phrase.spoken: phrase for one in leases for phrase in one.phrases}
    return captions(Prompt(tuple(phrases.values()))) if phrases else 0


def _check_limits(limits: Iterable[tuple[int, int, str]]) -> None:
    for count, maximum, what in limits:
        if count > maximum:
            raise CommandError("too_many", f"{count} {what} would be leased: at most {maximum}, so release some first")


def _check_phrases(phrases: Sequence[Phrase]) -> None:
    """Raise CommandError for phrases that cannot be leased. A negative phrase would change the results of others."""
    try:
        Prompt(tuple(phrases))
    except PromptError as error:
        raise CommandError("bad_prompt", str(error)) from error
    negative = next((phrase.name for phrase in phrases if phrase.negative), None)
    if negative is not None:
        raise CommandError("bad_prompt", f"phrase {negative!r} is negative: only the prompt may have such phrases")
