"""`groundcast ctl`: tells a running node what to look at and what for."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ..stream.control.answers import applied_map, message_map, status_map
from ..stream.controller import ControlError, Controller, RenewedLease
from ..stream.node.node_api import Applied
from ..stream.wire.message_types import StatusMessage
from .exits import InputError, RunError, say, writing
from .node.runtime_folder import running_nodes
from .printable import printable
from .settings.command_options import spread_options
from .settings.key_option import KeysOption
from .settings.sources import named_sources
from .show.control_tables import say_sources, say_status, state_of
from .standard_streams import outlive_reader

_OURS = ("no_answer", "bad_answer", "busy", "failed", "not_ready", "stopped")  # then nothing that was typed was wrong
_LOOK_EVERY_S = 0.2

OneOrAll = Annotated[str | None, typer.Argument(help="The source; all of them if none is named.", show_default=False)]
Named = Annotated[str, typer.Argument(help="The source's name.", show_default=False)]
Alone = Annotated[str | None, typer.Option("--source", help="In this source alone.")]
IfVersion = Annotated[int | None, typer.Option(help="Only while this is the prompt's version.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting as in a settings file, such as target_hz=5; may be given again."),
]

Settled = Annotated[float, typer.Option("--wait-s", min=0.0, help="Say how it is then, or once it runs or fails.")]


@dataclass(frozen=True, slots=True)
class NodeConnection:
    """How the node is reached, and how it is told of."""

    node: Annotated[str | None, typer.Option(help="The node's name, if several run here.")] = None
    address: Annotated[
        str | None, typer.Option(help="Where the node takes requests, if not in its own socket file.")
    ] = None
    keys: KeysOption = None
    timeout_s: Annotated[float, typer.Option(min=0.1, help="How long an answer may take.")] = 5.0
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False


@spread_options
def status(way: NodeConnection) -> None:
    """Say how the node is doing, and what each source is asked."""
    with _node(way) as node:
        answer = node.status()
    if way.as_json:
        _print_json(status_map(answer))
    else:
        say_status(answer)


@spread_options
def list_sources(way: NodeConnection) -> None:
    """Say how each source is read, and what is wrong with it."""
    with _node(way) as node:
        sources, now = node.sources(), {one.source: one for one in node.status().sources}
    for source in sources:
        told = now.get(source["settings"]["name"])
        if told is not None and told.error:
            source["error"] = told.error
    if way.as_json:
        _print_json({"sources": sources})
    else:
        say_sources(sources)


@spread_options
def set_prompt(
    prompt: Annotated[str, typer.Argument(help="What to look for: 'red mug . blue cube'.", show_default=False)],
    way: NodeConnection,
    source: Annotated[
        str | None, typer.Option(help="In this source alone; else in all without a prompt of their own.")
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--all", help="In all sources: those with a prompt of their own lose it.")
    ] = False,
    if_version: IfVersion = None,
) -> None:
    """Look for something else."""
    if everywhere and source is not None:
        raise InputError("--all is for every source, --source for one: leave one of them away")
    with _node(way) as node:
        applied = node.set_prompt(prompt, source, if_version, everywhere=everywhere)
        kept = [one.source for one in node.status().sources if source is None and one.source not in applied.first_seq]
    if way.as_json:
        _print_json({**applied_map(applied), "kept": kept})
        return
    typer.echo(f"done: {_since(applied)}")
    if kept:
        names = printable(", ".join(kept))
        typer.echo(f"asked their own prompts as before: {names} (--source changes one of them, --all all)")


@spread_options
def set_thresholds(
    thresholds: Annotated[list[str], typer.Argument(help="'red mug=0.4', for each phrase.", show_default=False)],
    way: NodeConnection,
    source: Alone = None,
    if_version: IfVersion = None,
) -> None:
    """Change the least scores of phrases that are looked for."""
    scores = dict(_score(text) for text in thresholds)
    with _node(way) as node:
        _say(node.set_thresholds(scores, source, if_version), way)


@spread_options
def ask(
    phrases: Annotated[str, typer.Argument(help="What to look for as well: 'red mug . bolt'.", show_default=False)],
    way: NodeConnection,
    seconds: Annotated[float | None, typer.Option(min=0, help="For this long; else until Ctrl-C.")] = None,
    source: Alone = None,
) -> None:
    """Look for something more, until Ctrl-C or the time is over.

    Whatever others ask for stays as it is.
    """
    outlive_reader()
    began_s = time.monotonic()
    until = "Ctrl-C" if seconds is None else f"{seconds:g} s are over"
    with _node(way) as node, node.ask(phrases, source) as asking, suppress(KeyboardInterrupt):  # its ordinary end
        if not way.as_json:
            typer.echo(f"{phrases}: asked for until {until}; {_since(asking.lease.applied)}")
        _wait(asking, None if seconds is None else began_s + seconds)
    if way.as_json:
        _print_json({"lease": asking.lease.id, "seconds": round(time.monotonic() - began_s, 3)})


@spread_options
def add(
    source: Annotated[str, typer.Argument(help="NAME=URL, or a URL alone.", show_default=False)],
    way: NodeConnection,
    given: Set = None,
    wait_s: Settled = 3.0,
) -> None:
    """Read one more source."""
    ((name, url),) = named_sources([source]).items()
    with _node(way) as node:
        applied = node.add_source({"name": name, "url": url, **_settings(given or [])})
        _say_settled(applied, _settled(node, name, wait_s), way)


@spread_options
def update(name: Named, way: NodeConnection, given: Set = None, wait_s: Settled = 3.0) -> None:
    """Read a source with other settings. Those that are not given stay as they are."""
    with _node(way) as node:
        applied = node.update_source({"name": name, **_settings(given or [])})
        _say_settled(applied, _settled(node, name, wait_s), way)


@spread_options
def remove(name: Named, way: NodeConnection) -> None:
    """Read a source no more."""
    with _node(way) as node:
        applied = node.remove_source(name)
    if way.as_json:
        _print_json(applied_map(applied))
        return
    _, next_seq = applied.first_seq.get(name, (0, 1))
    sent = f"its last message was seq {next_seq - 1}" if next_seq > 1 else "it had sent no message"
    typer.echo(f"done: {name} is read no more; {sent}")


@spread_options
def pause(way: NodeConnection, source: OneOrAll = None) -> None:
    """Look at nothing until it is resumed; cameras stay connected."""
    with _node(way) as node:
        _say(node.pause(source), way)


@spread_options
def resume(way: NodeConnection, source: OneOrAll = None) -> None:
    """Look again."""
    with _node(way) as node:
        _say(node.resume(source), way)


@spread_options
def reset(way: NodeConnection, source: OneOrAll = None) -> None:
    """Forget the tracks: what is there still gets new ids."""
    with _node(way) as node:
        _say(node.reset_tracks(source), way)


@spread_options
def picture(
    name: Named,
    way: NodeConnection,
    out: Annotated[Path, typer.Option(help="Where to write the JPEG.")] = Path("seen.jpg"),
    wait_s: Annotated[float, typer.Option(min=0.1, max=10, help="How long the next picture may take.")] = 2.0,
    plain: Annotated[bool, typer.Option("--plain", help="Draw no boxes: the JPEG as the node sent it.")] = False,
) -> None:
    """Get a source's next picture, with what was found in it."""
    from .show.draw import drawn_jpeg  # OpenCV, which no other request needs

    with _node(way) as node:
        jpeg, message = node.picture(name, wait_s)
    drawn = None if plain else drawn_jpeg(jpeg, message.tracks)
    with writing(out):
        out.write_bytes(drawn or jpeg)
    if way.as_json:
        _print_json({"out": str(out), "message": message_map(message)})
    else:
        found = ", ".join(f"{track.phrase} #{track.id}" for track in message.tracks) or "nothing found"
        typer.echo(printable(f"{out}: {message.source} seq {message.seq}, {found}"))


COMMANDS: dict[str, Callable[..., None]] = {
    "status": status,
    "list": list_sources,
    "prompt": set_prompt,
    "thresholds": set_thresholds,
    "ask": ask,
    "add": add,
    "update": update,
    "remove": remove,
    "pause": pause,
    "resume": resume,
    "reset": reset,
    "picture": picture,
}


@contextmanager
def _node(way: NodeConnection) -> Generator[Controller]:
    try:
        with Controller(_address(way), way.timeout_s, keys=way.keys) as node:
            yield node
    except ControlError as error:
        if error.code in _OURS:
            raise RunError(str(error)) from error
        raise


def _address(way: NodeConnection) -> str:
    if way.address is not None:
        return way.address
    found = running_nodes(os.environ)
    if not found:
        raise InputError(
            "no node here takes requests of this user: is one running? Name its --address if it is elsewhere"
        )
    names = ", ".join(sorted(found))
    if way.node is None and len(found) > 1:
        raise InputError(f"several nodes take requests here ({names}): name one with --node")
    if way.node is not None and way.node not in found:
        raise InputError(f"no node called {way.node} takes requests of this user here, but {names}")
    return found[way.node or names]


def _settled(node: Controller, name: str, wait_s: float) -> StatusMessage | None:
    """How a source is once it runs, or something is wrong with it, or after `wait_s`; None if it is gone."""
    until_s = time.monotonic() + wait_s
    while True:
        now = next((one for one in node.status().sources if one.source == name), None)
        if now is None or now.state != "connecting" or now.error or time.monotonic() >= until_s:
            return now
        time.sleep(min(_LOOK_EVERY_S, max(0.0, until_s - time.monotonic())))


def _wait(asking: RenewedLease, until_s: float | None) -> None:
    """Wait, and say it when the node no longer answers, or does so again."""
    told: str | None = None
    while until_s is None or time.monotonic() < until_s:
        time.sleep(_LOOK_EVERY_S)
        now = None if asking.error is None else str(asking.error)
        if now != told:
            say(f"asked for again: {_since(asking.lease.applied)}" if now is None else f"{now} (still trying)")
            told = now


def _say(applied: Applied, way: NodeConnection) -> None:
    if way.as_json:
        _print_json(applied_map(applied))
    else:
        typer.echo(f"done: {_since(applied)}")


def _say_settled(applied: Applied, now: StatusMessage | None, way: NodeConnection) -> None:
    if way.as_json:
        state = {} if now is None else {"state": now.state, **({"error": now.error} if now.error else {})}
        _print_json({**applied_map(applied), **state})
    else:
        typer.echo(f"done: {_since(applied)}; {state_of(now) if now else 'it was removed again'}")


def _since(applied: Applied) -> str:
    """From which message on a change can be seen."""
    firsts = [f"{name} seq {seq}" for name, (_, seq) in applied.first_seq.items()]
    return printable(f"prompt {applied.prompt_version}" + (f", from {', '.join(firsts)} on" if firsts else ""))


def _score(text: str) -> tuple[str, float]:
    name, _, score = text.rpartition("=")
    try:
        return name, float(score)
    except ValueError as error:
        raise InputError(
            f"{text!r} is no threshold: write a phrase and a number from 0 to 1, as in 'red mug=0.4'"
        ) from error


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    """Settings written as key=value; a value is JSON where it can be read as such, and text elsewhere."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise InputError(f"{pair!r} sets nothing: write KEY=VALUE, such as target_hz=5")
        try:
            settings[key] = json.loads(text)
        except ValueError:
            settings[key] = text
    return settings


def _print_json(values: object) -> None:
    typer.echo(json.dumps(values))
