"""Reload: the commands that bring a running node in line with its changed settings file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ...model.prompt import Prompt
from ...stream.node.node_api import CommandError, NodeApi
from ...stream.options import SourceOptions
from ..settings.settings import NodeSettings

_LOG = logging.getLogger(__name__)
_CHANGEABLE = frozenset({"prompt", "sources", "defaults"})  # the defaults are part of every source already


@dataclass(frozen=True, slots=True)
class SourceAdded:
    """A new source."""

    options: SourceOptions

    def __str__(self) -> str:
        return f"source {self.options.name} added"


@dataclass(frozen=True, slots=True)
class SourceUpdated:
    """A source with other options: those that the file has changed, by name."""

    name: str
    changes: Mapping[str, Any]

    def __str__(self) -> str:
        return f"source {self.name} changed"


@dataclass(frozen=True, slots=True)
class PromptChanged:
    """A new prompt for all sources without their own."""

    prompt: Prompt

    def __str__(self) -> str:
        return f"prompt changed to {' . '.join(self.prompt.names)}"


@dataclass(frozen=True, slots=True)
class SourceRemoved:
    """A source that is no longer named."""

    name: str

    def __str__(self) -> str:
        return f"source {self.name} removed"


Command = SourceAdded | SourceUpdated | PromptChanged | SourceRemoved
Undo = Callable[[], object]


def commands_between(old: NodeSettings, new: NodeSettings, running: Collection[str]) -> list[Command]:
    """The commands that make a node that was started from `old` run as `new` says.

    They cover only the differences between the two, so that changes by clients stay where the files agree. Commands
    that a node can refuse come first; commands that cannot be undone come last.

    Args:
        old, new: the settings then and now.
        running: the names of the sources that the node has.
    """
    before = {source.name: source.to_options() for source in old.sources}
    after = {source.name: source.to_options() for source in new.sources}
    changed = [options for name, options in after.items() if options != before.get(name)]
    commands: list[Command] = [SourceAdded(options) for options in changed if options.name not in running]
    commands += [
        SourceUpdated(options.name, _differing(before.get(options.name), options))
        for options in changed
        if options.name in running
    ]
    if new.to_prompt() != old.to_prompt():
        commands.append(PromptChanged(new.to_prompt()))
    return [*commands, *(SourceRemoved(name) for name in before if name in running and name not in after)]


def settings_kept(old: NodeSettings, new: NodeSettings) -> list[str]:
    """The settings that differ and cannot change while a node runs."""
    names = [name for name in NodeSettings.model_fields if name not in _CHANGEABLE]
    return [name for name in names if getattr(old, name) != getattr(new, name)]


def settings_in_force(old: NodeSettings, new: NodeSettings) -> NodeSettings:
    """`new`, with the old values of settings that cannot change."""
    return new.model_copy(update={name: getattr(old, name) for name in settings_kept(old, new)})


def carry_out(node: NodeApi, commands: Iterable[Command]) -> None:
    """Apply commands to a running node in order; when it refuses one, undo those before it.

    Changes that clients made in the meantime stay.

    Raises:
        CommandError: the first refusal, or another error. The node is as it was before.
    """
    done: list[tuple[Command, Undo]] = []
    for command in commands:
        try:
            done.append((command, _apply(node, command)))
        except Exception:
            for earlier, undo in reversed(done):
                try:
                    undo()
                except CommandError as error:
                    _LOG.warning("%s, and it stays so: %s", earlier, error)
            raise


def _differing(before: SourceOptions | None, after: SourceOptions) -> Mapping[str, Any]:
    """The file's options that differ between before and after, by name; all of them where it had none before."""
    names = [field.name for field in fields(after)]
    return {
        name: getattr(after, name) for name in names if before is None or getattr(after, name) != getattr(before, name)
    }


def _apply(node: NodeApi, command: Command) -> Undo:
    """Apply a command. Returns what undoes it."""
    match command:
        case SourceAdded(options):
            generation, _ = node.add_source(options).first_seq[options.name]
            return lambda: node.remove_source(options.name, generation)
        case SourceUpdated(name, changes):
            return _update(node, name, changes)
        case PromptChanged(prompt):
            node.set_prompt(prompt)
            return _cannot_undo
        case SourceRemoved(name):
            try:
                node.remove_source(name)
            except CommandError as error:
                if error.code != "unknown_source":  # a client has removed it already
                    raise
            return _cannot_undo


def _cannot_undo() -> None:
    """The undo of a new prompt and of removals. They come last: only a node that hangs refuses a command after them."""
    raise CommandError("not_ready", "it cannot be undone")


def _update(node: NodeApi, name: str, changes: Mapping[str, Any]) -> Undo:
    found: list[SourceOptions] = []

    def change(newest: SourceOptions) -> SourceOptions:
        found[:] = [newest]
        return replace(newest, **changes)

    def change_back(newest: SourceOptions) -> SourceOptions:
        ours = [key for key, value in changes.items() if getattr(newest, key) == value]
        return replace(newest, **{key: getattr(found[0], key) for key in ours})

    node.update_source(name, change)
    return lambda: node.update_source(name, change_back)
