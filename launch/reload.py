"""What a settings file that has changed asks of the node that runs from it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from ..model.prompt import Prompt
from ..stream.node_commands import CommandedNode, CommandError
from ..stream.options import SourceOptions
from .settings import NodeSettings

_LOG = logging.getLogger(__name__)
_CHANGEABLE = frozenset({"prompt", "sources", "defaults"})  # the defaults stand in every source already


@dataclass(frozen=True, slots=True)
class AddSource:
    """A source that was not there."""

    options: SourceOptions

    def __str__(self) -> str:
        return f"source {self.options.name} added"


@dataclass(frozen=True, slots=True)
class UpdateSource:
    """A source with other options."""

    options: SourceOptions

    def __str__(self) -> str:
        return f"source {self.options.name} changed"


@dataclass(frozen=True, slots=True)
class SetPrompt:
    """Another prompt for all sources without their own."""

    prompt: Prompt

    def __str__(self) -> str:
        return f"prompt changed to {' . '.join(self.prompt.names)}"


@dataclass(frozen=True, slots=True)
class RemoveSource:
    """A source that is no longer named."""

    name: str

    def __str__(self) -> str:
        return f"source {self.name} removed"


Command = AddSource | UpdateSource | SetPrompt | RemoveSource


def commands_between(old: NodeSettings, new: NodeSettings, running: Iterable[SourceOptions]) -> list[Command]:
    """What makes a node that was started from `old` run as `new` says.

    Only what differs between the two is asked for: what somebody changed in the node meanwhile stays, where the
    files agree. What can be refused comes first, and what cannot be taken back comes last.

    Args:
        old, new: the settings then and now.
        running: the sources that the node has.
    """
    there = {options.name: options for options in running}
    before = {source.name: source.to_options() for source in old.sources}
    after = {source.name: source.to_options() for source in new.sources}
    changed = [options for name, options in after.items() if options != before.get(name)]
    commands: list[Command] = [AddSource(options) for options in changed if options.name not in there]
    commands += [
        UpdateSource(_over(there[options.name], before.get(options.name), options))
        for options in changed
        if options.name in there
    ]
    if new.to_prompt() != old.to_prompt():
        commands.append(SetPrompt(new.to_prompt()))
    return [*commands, *(RemoveSource(name) for name in before if name in there and name not in after)]


def settings_kept(old: NodeSettings, new: NodeSettings) -> list[str]:
    """The settings that differ and cannot change while a node runs."""
    names = [name for name in NodeSettings.model_fields if name not in _CHANGEABLE]
    return [name for name in names if getattr(old, name) != getattr(new, name)]


def settings_in_force(old: NodeSettings, new: NodeSettings) -> NodeSettings:
    """`new`, but for what cannot change."""
    return new.model_copy(update={name: getattr(old, name) for name in settings_kept(old, new)})


def carry_out(node: CommandedNode, commands: Iterable[Command]) -> None:
    """Give a running node the commands, in order; if it refuses one, what was done is taken back.

    Raises:
        CommandError: the first refusal, or another error. The node is as it was before.
    """
    options_before = {options.name: options for options in node.status().options}
    done: list[Command] = []
    for command in commands:
        try:
            _give(node, command)
        except Exception:
            for earlier in reversed(done):
                _take_back(node, earlier, options_before)
            raise
        done.append(command)


def _over(running: SourceOptions, before: SourceOptions | None, after: SourceOptions) -> SourceOptions:
    """`running` with what differs between the file's options before and after; the file's, where it had none before."""
    if before is None:
        return after
    names = [field.name for field in fields(after)]
    differing = [name for name in names if getattr(after, name) != getattr(before, name)]
    return replace(running, **{name: getattr(after, name) for name in differing})


def _give(node: CommandedNode, command: Command) -> None:
    match command:
        case AddSource(options):
            node.add_source(options)
        case UpdateSource(options):
            node.update_source(options)
        case SetPrompt(prompt):
            node.set_prompt(prompt)
        case RemoveSource(name):
            try:
                node.remove_source(name)
            except CommandError as error:
                if error.code != "unknown_source":  # somebody else was faster
                    raise


def _take_back(node: CommandedNode, command: Command, options_before: dict[str, SourceOptions]) -> None:
    """Undo an addition or a change; after a prompt only removals follow, which are not refused."""
    try:
        match command:
            case AddSource(options):
                node.remove_source(options.name)
            case UpdateSource(options):
                node.update_source(options_before[options.name])
            case _:
                pass
    except CommandError as error:
        _LOG.warning("%s, and it stays so: %s", command, error)
