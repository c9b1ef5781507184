"""What each source is asked, under one count of versions for the whole node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...model.prompt import Phrase, Prompt, PromptError
from ..options import SourceOptions
from .leases import HeldLease, Leases
from .node_api import CommandError


@dataclass(frozen=True, slots=True)
class VersionedPrompt:
    """A prompt and the version under which messages name it."""

    prompt: Prompt
    version: int


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was said about one source alone: its prompt, its least score, and those of single phrases by name."""

    prompt: Prompt | None = None
    threshold: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class PromptSnapshot:
    """All that was said, and what follows from it. Never changed, only replaced, so that any thread may read it.

    Args:
        prompt: the node's own; version: the newest.
        leases: in force.
        wishes: what was said about single sources.
        questions: what each source is asked.
    """

    prompt: Prompt
    version: int = 1
    leases: Leases = field(default_factory=Leases)
    wishes: Mapping[str, _Wish] = field(default_factory=dict[str, _Wish])
    questions: Mapping[str, VersionedPrompt] = field(default_factory=dict[str, VersionedPrompt])

    def effective(self, source: str) -> Prompt:
        """The source's own prompt or else the node's, then the leases; a phrase's least score, or else the source's."""
        wish = self.wishes[source]
        asked = self.leases.prompt(self.own(source), source)
        if wish.threshold is None:
            return asked
        return _with_thresholds(asked, {p.name: wish.threshold for p in asked.phrases if p.threshold is None})

    def own(self, source: str) -> Prompt:
        """What the source is asked without the leases."""
        wish = self.wishes[source]
        return _with_thresholds(wish.prompt or self.prompt, wish.thresholds)

    def with_room(self, changed: Collection[str]) -> PromptSnapshot:
        """The same without the leases that prompts which have changed leave no room for: the prompt comes first."""
        return replace(self, leases=self.leases.that_fit({source: self.own(source) for source in changed}))


class PromptState:
    """Keeps what was asked for, and by whom. For the node's loop; `asked` may be read from any thread.

    A change holds whole or not at all. A source that it concerns carries a new version from its next frame on; all
    others keep theirs, so a source and a version always mean one prompt.

    Args:
        prompt: the node's own.
        check: raises PromptError for what the detector does not know.
        captions: how many captions the detector makes of a prompt.
    """

    def __init__(self, prompt: Prompt, check: Callable[[Prompt], None], captions: Callable[[Prompt], int]) -> None:
        self.asked = PromptSnapshot(prompt)
        self._check = check
        self._captions = captions

    def of(self, source: str) -> VersionedPrompt:
        return self.asked.questions[source]

    def start(self, options: Sequence[SourceOptions]) -> None:
        """Ask the sources that are there from the beginning, all under the first version."""
        wishes = {source.name: _Wish(source.prompt, source.threshold) for source in options}
        first = replace(self.asked, version=0, wishes=wishes)
        self._become(first, wishes.keys())

    def put(self, options: SourceOptions) -> None:
        """Ask a new source, or ask a known one as its new options say; the same prompt keeps its phrases' scores."""
        name = options.name
        wish, before = _Wish(options.prompt, options.threshold), self.asked.wishes.get(name)
        if before is not None and before.prompt == wish.prompt:
            wish = replace(wish, thresholds=before.thresholds)
        if wish == before:
            return
        self._become(replace(self.asked, wishes={**self.asked.wishes, name: wish}).with_room((name,)))

    def drop(self, source: str) -> None:
        """Ask a source nothing more; leases for it alone end."""
        asked = self.asked
        wishes = {name: wish for name, wish in asked.wishes.items() if name != source}
        self._become(replace(asked, wishes=wishes, leases=asked.leases.without_source(source)))

    def set_prompt(
        self, prompt: Prompt, source: str | None, if_version: int | None, *, everywhere: bool = False
    ) -> None:
        """Change a source's own prompt; or the node's, for all sources that have none of their own.

        With `everywhere` no source keeps its own. Leases that it leaves no room for end.

        Raises:
            CommandError: version_conflict, bad_prompt.
        """
        self._expect(if_version)
        asked = self.asked
        concerned = self._followers() if source is None else (source,)
        wishes = {name: replace(asked.wishes[name], thresholds={}) for name in concerned}
        if everywhere:
            wishes = {name: replace(wish, prompt=None, thresholds={}) for name, wish in asked.wishes.items()}
        if source is not None:
            wishes[source] = replace(wishes[source], prompt=prompt)
        own = prompt if source is None else asked.prompt
        self._become(replace(asked, prompt=own, wishes={**asked.wishes, **wishes}).with_room(wishes), wishes)

    def set_thresholds(self, thresholds: Mapping[str, float], source: str | None, if_version: int | None) -> None:
        """Change the least scores of phrases of a source's prompt, or of the node's.

        Raises:
            CommandError: version_conflict; bad_prompt for a phrase that is not there, and for no threshold.
        """
        self._expect(if_version)
        asked = self.asked
        wish = None if source is None else asked.wishes[source]
        prompt = (wish and wish.prompt) or asked.prompt
        changed = _with_thresholds(prompt, thresholds)  # refuses what is none
        names = {phrase.name for phrase in prompt.phrases}
        if unknown := [name for name in thresholds if name not in names]:
            raise CommandError("bad_prompt", f"phrase {unknown[0]!r} is not asked for: set it in the prompt first")
        if source is None or wish is None:
            self._become(replace(asked, prompt=changed), self._followers())
        else:
            wish = replace(wish, thresholds={**wish.thresholds, **thresholds})
            self._become(replace(asked, wishes={**asked.wishes, source: wish}), (source,))

    def ask(
        self,
        client: str,
        phrases: Sequence[Phrase],
        seconds: float,
        source: str | None,
        lease: str | None,
        now_s: float,
    ) -> HeldLease:
        """Add or renew a lease; raises CommandError as `Leases.ask` does, and bad_prompt for unknown words."""
        leases, held = self.asked.leases.ask(client, phrases, seconds, source, lease, now_s)
        self._must_know(Prompt(held.phrases))  # all of them: what others' hide now comes to light when those end
        leases.check_captions(held.user, self._captions)
        self._become(replace(self.asked, leases=leases))
        return held

    def release(self, lease: str, client: str | None = None) -> HeldLease | None:
        """End a lease, with `client` only if it asked last; the lease, or None if it was no longer there or its."""
        before = self.asked.leases
        after = before.release(lease, client)
        self._become(replace(self.asked, leases=after))
        return next((one for one in before.held if one not in after.held), None)

    def expire(self, now_s: float) -> None:
        """End the leases whose time is over."""
        leases = self.asked.leases.expire(now_s)
        if leases is not self.asked.leases:
            self._become(replace(self.asked, leases=leases))

    def _expect(self, version: int | None) -> None:
        newest = self.asked.version
        if version is not None and version != newest:
            raise CommandError("version_conflict", f"the prompt has version {newest} by now, not {version}: look again")

    def _followers(self) -> tuple[str, ...]:
        """The sources that have no prompt of their own."""
        return tuple(name for name, wish in self.asked.wishes.items() if wish.prompt is None)

    def _become(self, new: PromptSnapshot, concerned: Collection[str] | None = None) -> None:
        """Take over what was said; what it changes, and what it concerns, gets the next version.

        The version also grows where nothing is changed that was meant to be: `concerned` may be empty.
        """
        old, version = self.asked, new.version + 1
        for_all = new.leases is not old.leases or new.prompt is not old.prompt
        questions: dict[str, VersionedPrompt] = {}
        for name, wish in new.wishes.items():
            known = old.questions.get(name)
            is_same = known is not None and not for_all and wish is old.wishes.get(name)
            prompt = known.prompt if known is not None and is_same else new.effective(name)
            if known is None or known.prompt != prompt or name in (concerned or ()):
                known = VersionedPrompt(prompt, version)
            questions[name] = known
        changed = {question.prompt for question in questions.values() if question.version == version}
        for prompt in changed:
            self._must_know(prompt)
        grows = concerned is not None or bool(changed)
        self.asked = replace(new, questions=questions, version=version if grows else new.version)

    def _must_know(self, prompt: Prompt) -> None:
        try:
            self._check(prompt)
        except PromptError as error:
            raise CommandError("bad_prompt", str(error)) from error


def _with_thresholds(prompt: Prompt, thresholds: Mapping[str, float]) -> Prompt:
    """The same prompt with other least scores for some of its phrases, by name."""
    if not thresholds:
        return prompt
    try:
        return Prompt(tuple(replace(p, threshold=thresholds.get(p.name, p.threshold)) for p in prompt.phrases))
    except PromptError as error:
        raise CommandError("bad_prompt", str(error)) from error
