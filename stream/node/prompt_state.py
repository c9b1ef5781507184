"""Prompt state: the prompt of each source, with one count of versions for the whole node."""

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
class _Override:
    """What was set for one source alone: its prompt, its minimum score, and those of single phrases by name."""

    prompt: Prompt | None = None
    threshold: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class PromptSnapshot:
    """All that was set, and the prompts that follow from it. It is replaced, never changed, so any thread may read it.

    Args:
        prompt: the node's own; version: the newest.
        leases: in force.
        overrides: what was set for single sources.
        prompts: of each source.
    """

    prompt: Prompt
    version: int = 1
    leases: Leases = field(default_factory=Leases)
    overrides: Mapping[str, _Override] = field(default_factory=dict[str, _Override])
    prompts: Mapping[str, VersionedPrompt] = field(default_factory=dict[str, VersionedPrompt])

    def effective(self, source: str) -> Prompt:
        """The source's own prompt or else the node's, with the leases; each phrase's minimum score or the source's."""
        threshold = self.overrides[source].threshold
        prompt = self.leases.prompt(self.without_leases(source), source)
        if threshold is None:
            return prompt
        return _with_thresholds(prompt, {p.name: threshold for p in prompt.phrases if p.threshold is None})

    def without_leases(self, source: str) -> Prompt:
        """The source's own prompt or else the node's, with the minimum scores that were set for it."""
        override = self.overrides[source]
        return _with_thresholds(override.prompt or self.prompt, override.thresholds)

    def with_fitting_leases(self, changed: Collection[str]) -> PromptSnapshot:
        """The same without the leases that no longer fit beside the changed prompts, which take precedence."""
        return replace(self, leases=self.leases.that_fit({source: self.without_leases(source) for source in changed}))


class PromptState:
    """Holds what was set and leased. For the node's loop; any thread may read `snapshot`.

    A change is applied as a whole or not at all. A source that it affects gets a new version with its next frame; all
    others keep theirs, so that a source and a version always mean one prompt.

    Args:
        prompt: the node's own.
        check: raises PromptError for what the detector does not know.
        captions: how many captions the detector makes of a prompt.
    """

    def __init__(self, prompt: Prompt, check: Callable[[Prompt], None], captions: Callable[[Prompt], int]) -> None:
        self.snapshot = PromptSnapshot(prompt)
        self._check = check
        self._captions = captions

    def of(self, source: str) -> VersionedPrompt:
        """The prompt of a source."""
        return self.snapshot.prompts[source]

    def start(self, options: Sequence[SourceOptions]) -> None:
        """Give the first sources their prompts, all with version 1."""
        overrides = {source.name: _Override(source.prompt, source.threshold) for source in options}
        first = replace(self.snapshot, version=0, overrides=overrides)
        self._use(first, overrides.keys())

    def put(self, options: SourceOptions) -> None:
        """Give a source the prompt of its options. A known source with the same prompt keeps its phrases' scores."""
        name = options.name
        override, before = _Override(options.prompt, options.threshold), self.snapshot.overrides.get(name)
        if before is not None and before.prompt == override.prompt:
            override = replace(override, thresholds=before.thresholds)
        if override == before:
            return
        self._use(
            replace(self.snapshot, overrides={**self.snapshot.overrides, name: override}).with_fitting_leases((name,))
        )

    def drop(self, source: str) -> None:
        """Remove a source; leases for it alone end."""
        snapshot = self.snapshot
        overrides = {name: override for name, override in snapshot.overrides.items() if name != source}
        self._use(replace(snapshot, overrides=overrides, leases=snapshot.leases.without_source(source)))

    def set_prompt(
        self, prompt: Prompt, source: str | None, if_version: int | None, *, everywhere: bool = False
    ) -> None:
        """Change a source's own prompt; or the node's, for all sources that have none of their own.

        With `everywhere` no source keeps its own. Leases that no longer fit beside it end.

        Raises:
            CommandError: version_conflict, bad_prompt.
        """
        self._check_version(if_version)
        snapshot = self.snapshot
        affected = self._followers() if source is None else (source,)
        overrides = {name: replace(snapshot.overrides[name], thresholds={}) for name in affected}
        if everywhere:
            overrides = {
                name: replace(override, prompt=None, thresholds={}) for name, override in snapshot.overrides.items()
            }
        if source is not None:
            overrides[source] = replace(overrides[source], prompt=prompt)
        own = prompt if source is None else snapshot.prompt
        self._use(
            replace(snapshot, prompt=own, overrides={**snapshot.overrides, **overrides}).with_fitting_leases(overrides),
            overrides,
        )

    def set_thresholds(self, thresholds: Mapping[str, float], source: str | None, if_version: int | None) -> None:
        """Change the minimum scores of phrases in a source's prompt, or in the node's.

        Raises:
            CommandError: version_conflict; bad_prompt for a phrase that is not there, and for no threshold.
        """
        self._check_version(if_version)
        snapshot = self.snapshot
        override = None if source is None else snapshot.overrides[source]
        prompt = (override and override.prompt) or snapshot.prompt
        changed = _with_thresholds(prompt, thresholds)  # raises for what is no score
        names = {phrase.name for phrase in prompt.phrases}
        if unknown := [name for name in thresholds if name not in names]:
            raise CommandError("bad_prompt", f"phrase {unknown[0]!r} is not in the prompt: set it there first")
        if source is None or override is None:
            self._use(replace(snapshot, prompt=changed), self._followers())
        else:
            override = replace(override, thresholds={**override.thresholds, **thresholds})
            self._use(replace(snapshot, overrides={**snapshot.overrides, source: override}), (source,))

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
        leases, held = self.snapshot.leases.ask(client, phrases, seconds, source, lease, now_s)
        self._check_words(Prompt(held.phrases))  # even phrases that another lease has: that lease may end first
        leases.check_captions(held.user, self._captions)
        self._use(replace(self.snapshot, leases=leases))
        return held

    def release(self, lease: str, client: str | None = None) -> HeldLease | None:
        """End a lease, with `client` only if that renewed it last; returns the lease, or None if nothing ended."""
        before = self.snapshot.leases
        after = before.release(lease, client)
        self._use(replace(self.snapshot, leases=after))
        return next((one for one in before.held if one not in after.held), None)

    def expire(self, now_s: float) -> None:
        """End the leases whose time is over."""
        leases = self.snapshot.leases.expire(now_s)
        if leases is not self.snapshot.leases:
            self._use(replace(self.snapshot, leases=leases))

    def _check_version(self, version: int | None) -> None:
        newest = self.snapshot.version
        if version is not None and version != newest:
            raise CommandError(
                "version_conflict", f"the prompt has version {newest}, not {version}: read the status again"
            )

    def _followers(self) -> tuple[str, ...]:
        """The sources that have no prompt of their own."""
        return tuple(name for name, override in self.snapshot.overrides.items() if override.prompt is None)

    def _use(self, new: PromptSnapshot, affected: Collection[str] | None = None) -> None:
        """Use a new snapshot; the prompts that it changes, and those of the `affected` sources, get the next version.

        The version also grows if a set prompt changes nothing: `affected` may be empty.
        """
        old, version = self.snapshot, new.version + 1
        affects_all = new.leases is not old.leases or new.prompt is not old.prompt
        prompts: dict[str, VersionedPrompt] = {}
        for name, override in new.overrides.items():
            known = old.prompts.get(name)
            is_same = known is not None and not affects_all and override is old.overrides.get(name)
            prompt = known.prompt if known is not None and is_same else new.effective(name)
            if known is None or known.prompt != prompt or name in (affected or ()):
                known = VersionedPrompt(prompt, version)
            prompts[name] = known
        changed = {versioned.prompt for versioned in prompts.values() if versioned.version == version}
        for prompt in changed:
            self._check_words(prompt)
        grows = affected is not None or bool(changed)
        self.snapshot = replace(new, prompts=prompts, version=version if grows else new.version)

    def _check_words(self, prompt: Prompt) -> None:
        try:
            self._check(prompt)
        except PromptError as error:
            raise CommandError("bad_prompt", str(error)) from error


def _with_thresholds(prompt: Prompt, thresholds: Mapping[str, float]) -> Prompt:
    """The same prompt with other minimum scores for some of its phrases, by name."""
    if not thresholds:
        return prompt
    try:
        return Prompt(tuple(replace(p, threshold=thresholds.get(p.name, p.threshold)) for p in prompt.phrases))
    except PromptError as error:
        raise CommandError("bad_prompt", str(error)) from error
