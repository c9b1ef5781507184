"""`groundcast ctl`: sends requests to a running node's control socket."""

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

from ...stream.control.answers import applied_map, message_map, status_map
from ...stream.controller import ControlError, Controller, RenewedLease
from ...stream.node.node_api import Applied
from ...stream.wire.message_types import StatusMessage
from ..exits import InputError, RunError, say, writing
from ..node.runtime_folder import running_nodes
from ..printable import printable
from ..settings.command_options import spread_options
from ..settings.key_option import KeysOption
from ..settings.sources import from_here, named_sources
from ..show.control_tables import say_sources, say_status, state_of
from ..standard_streams import outlive_reader

_NOT_INPUT = ("no_answer", "bad_answer", "busy", "failed", "not_ready", "stopped")  # codes of other errors
_LOOK_EVERY_S = 0.2

OneOrAll = Annotated[str | None, typer.Argument(help="The source. Default: all of them.", show_default=False)]
Named = Annotated[str, typer.Argument(help="The source's name.", show_default=False)]
Alone = Annotated[str | None, typer.Option("--source", help="Only in this source.")]
IfVersion = Annotated[int | None, typer.Option(help="Only if the prompt has this version.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A setting as in a settings file, such as target_hz=5; may be given again."
    ),
]

Settled = Annotated[
    float, typer.Option("--wait-s", min=0.0, help="Report its state once it runs or fails, or after this long.")
]


@dataclass(frozen=True, slots=True)
class NodeConnection:
    """How to reach the node, and how to print its reply."""

    node: Annotated[str | None, typer.Option(help="The node's name, where several run.")] = None
    address: Annotated[
        str | None, typer.Option(help="The control socket's address. Default: the node's socket file.")
    ] = None
    keys: KeysOption = None
    timeout_s: Annotated[float, typer.Option(min=0.1, help="How long a reply may take, s.")] = 5.0
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False


@spread_options
def status(connection: NodeConnection) -> None:
    """Show the state of the node, its sources and its prompts."""
    with connected(connection) as node:
        answer = node.status()
    if connection.as_json:
        _print_json(status_map(answer))
    else:
        say_status(answer)


@spread_options
def list_sources(connection: NodeConnection) -> None:
    """List the sources with their settings and errors."""
    with connected(connection) as node:
        sources, now = node.sources(), {one.source: one for one in node.status().sources}
    for source in sources:
        told = now.get(source["settings"]["name"])
        if told is not None and told.error:
            source["error"] = told.error
    if connection.as_json:
        _print_json({"sources": sources})
    else:
        say_sources(sources)


@spread_options
def set_prompt(
    prompt: Annotated[str, typer.Argument(help="What to look for: 'red mug . blue cube'.", show_default=False)],
    connection: NodeConnection,
    source: Annotated[
        str | None, typer.Option(help="Only in this source. Default: all without a prompt of their own.")
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--all", help="In all sources, also those with a prompt of their own.")
    ] = False,
    if_version: IfVersion = None,
) -> None:
    """Change the prompt."""
    if everywhere and source is not None:
        raise InputError("--all is for every source, --source for one: leave one of them away")
    with connected(connection) as node:
        applied = node.set_prompt(prompt, source, if_version, everywhere=everywhere)
        kept = [one.source for one in node.status().sources if source is None and one.source not in applied.first_seq]
    if connection.as_json:
        _print_json({**applied_map(applied), "kept": kept})
        return
    typer.echo(f"done: {_since(applied)}")
    if kept:
        names = printable(", ".join(kept))
        typer.echo(f"these sources keep their own prompts: {names} (--source changes one, --all changes all)")


@spread_options
def set_thresholds(
    thresholds: Annotated[list[str], typer.Argument(help="'red mug=0.4', for each phrase.", show_default=False)],
    connection: NodeConnection,
    source: Alone = None,
    if_version: IfVersion = None,
) -> None:
    """Change the thresholds of the prompt's phrases."""
    scores = dict(_score(text) for text in thresholds)
    with connected(connection) as node:
        say_applied(node.set_thresholds(scores, source, if_version), connection)


@spread_options
def ask(
    phrases: Annotated[str, typer.Argument(help="What else to look for: 'red mug . bolt'.", show_default=False)],
    connection: NodeConnection,
    seconds: Annotated[float | None, typer.Option(min=0, help="For this long. Default: until Ctrl-C.")] = None,
    source: Alone = None,
) -> None:
    """Add phrases to the prompt until Ctrl-C, or for some seconds.

    The prompt itself, and phrases that other clients added, stay as they are.
    """
    outlive_reader()
    began_s = time.monotonic()
    until = "Ctrl-C" if seconds is None else f"{seconds:g} s are over"
    with (
        connected(connection) as node,
        node.ask(phrases, source) as asking,
        suppress(KeyboardInterrupt),
    ):  # its ordinary end
        if not connection.as_json:
            typer.echo(f"{phrases}: asked for until {until}; {_since(asking.lease.applied)}")
        _wait(asking, None if seconds is None else began_s + seconds)
    if connection.as_json:
        _print_json({"lease": asking.lease.id, "seconds": round(time.monotonic() - began_s, 3)})


@spread_options
def add(
    source: Annotated[str, typer.Argument(help="NAME=URL, or a URL alone.", show_default=False)],
    connection: NodeConnection,
    given: Set = None,
    wait_s: Settled = 3.0,
) -> None:
    """Add a source."""
    ((name, url),) = named_sources([source]).items()
    with connected(connection) as node:
        applied = node.add_source({"name": name, "url": from_here(url), **_settings(given or [])})
        _say_settled(applied, _settled(node, name, wait_s), connection)


@spread_options
def update(name: Named, connection: NodeConnection, given: Set = None, wait_s: Settled = 3.0) -> None:
    """Change settings of a source. Those that are not given stay as they are."""
    with connected(connection) as node:
        applied = node.update_source({"name": name, **_settings(given or [])})
        _say_settled(applied, _settled(node, name, wait_s), connection)


@spread_options
def remove(name: Named, connection: NodeConnection) -> None:
    """Remove a source."""
    with connected(connection) as node:
        applied = node.remove_source(name)
    if connection.as_json:
        _print_json(applied_map(applied))
        return
    _, next_seq = applied.first_seq.get(name, (0, 1))
    sent = f"its last message was seq {next_seq - 1}" if next_seq > 1 else "it had sent no message"
    typer.echo(f"done: {name} is removed; {sent}")


@spread_options
def pause(connection: NodeConnection, source: OneOrAll = None) -> None:
    """Pause detection; cameras stay connected."""
    with connected(connection) as node:
        say_applied(node.pause(source), connection)


@spread_options
def resume(connection: NodeConnection, source: OneOrAll = None) -> None:
    """Resume detection."""
    with connected(connection) as node:
        say_applied(node.resume(source), connection)


@spread_options
def reset(connection: NodeConnection, source: OneOrAll = None) -> None:
    """Drop the tracks: objects get new track ids."""
    with connected(connection) as node:
        say_applied(node.reset_tracks(source), connection)


@spread_options
def picture(
    name: Named,
    connection: NodeConnection,
    out: Annotated[Path, typer.Option(help="Where to write the JPEG.")] = Path("seen.jpg"),
    wait_s: Annotated[float, typer.Option(min=0.1, max=10, help="How long the next picture may take, s.")] = 2.0,
    plain: Annotated[bool, typer.Option("--plain", help="Draw no boxes: the JPEG as the node sent it.")] = False,
) -> None:
    """Get a source's next picture with its boxes."""
    if out.suffix.lower() not in (".jpg", ".jpeg"):
        raise InputError(f"--out {out} gets a JPEG: let its name end in .jpg")
    from ..show.draw import drawn_jpeg  # OpenCV, which no other request needs

    with connected(connection) as node:
        jpeg, message = node.picture(name, wait_s)
    with writing(out):
        out.write_bytes(jpeg if plain else drawn_jpeg(jpeg, message.tracks) or jpeg)
    if connection.as_json:
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
def connected(connection: NodeConnection) -> Generator[Controller]:
    """The node that the options name; its refusals become errors of the command."""
    try:
        with Controller(_address(connection), connection.timeout_s, keys=connection.keys) as node:
            yield node
    except ControlError as error:
        if error.code in _NOT_INPUT:
            raise RunError(str(error)) from error
        raise


def _address(connection: NodeConnection) -> str:
    if connection.address is not None:
        return connection.address
    found = running_nodes(os.environ)
    if not found:
        raise InputError("no running node takes requests from this user here: start one, or name its --address")
    names = ", ".join(sorted(found))
    if connection.node is None and len(found) > 1:
        raise InputError(f"several nodes run here ({names}): name one with --node")
    if connection.node is not None and connection.node not in found:
        raise InputError(
            f"no node called {connection.node} takes requests from this user here, but {names}: name one of them"
        )
    return found[connection.node or names]


def _settled(node: Controller, name: str, wait_s: float) -> StatusMessage | None:
    """The state of a source once it runs or fails, or after `wait_s`; None where it is gone."""
    until_s = time.monotonic() + wait_s
    while True:
        now = next((one for one in node.status().sources if one.source == name), None)
        if now is None or now.state != "connecting" or now.error or time.monotonic() >= until_s:
            return now
        time.sleep(min(_LOOK_EVERY_S, max(0.0, until_s - time.monotonic())))


def _wait(asking: RenewedLease, until_s: float | None) -> None:
    """Wait, and report when the node stops answering and when it answers again."""
    told: str | None = None
    while until_s is None or time.monotonic() < until_s:
        time.sleep(_LOOK_EVERY_S)
        now = None if asking.error is None else str(asking.error)
        if now != told:
            say(f"asked for again: {_since(asking.lease.applied)}" if now is None else f"{now} (still trying)")
            told = now


def say_applied(applied: Applied, connection: NodeConnection) -> None:
    """Print what a request has changed."""
    if connection.as_json:
        _print_json(applied_map(applied))
    else:
        typer.echo(f"done: {_since(applied)}")


def _say_settled(applied: Applied, now: StatusMessage | None, connection: NodeConnection) -> None:
    if connection.as_json:
        state = {} if now is None else {"state": now.state, **({"error": now.error} if now.error else {})}
        _print_json({**applied_map(applied), **state})
    else:
        typer.echo(f"done: {_since(applied)}; {state_of(now) if now else 'it was removed again'}")


def _since(applied: Applied) -> str:
    """The first message of each source that a change affects."""
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
    """Settings written as key=value; a value is parsed as JSON where it is JSON, else it is text."""
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
