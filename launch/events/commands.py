"""`groundcast events`: lists and counts what a node has stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Literal, get_args

import typer

from ...stream.event import EventKind
from ...stream.wire.event_message import event_message_map
from ..exits import InputError
from ..settings.command_options import spread_options
from ..show.event_table import say_counts, say_events
from .store_options import EventChoice

_KINDS: tuple[EventKind, ...] = get_args(EventKind)
_SPANS = {"minute": 1, "hour": 60, "day": 1440}


@spread_options
def list_events(
    choice: EventChoice,
    kind: Annotated[str | None, typer.Option(help=f"Only of this kind: {', '.join(_KINDS)}.")] = None,
    last: Annotated[int, typer.Option(min=1, help="So many of the last ones.")] = 50,
) -> None:
    """List stored events, the newest last."""
    if kind is not None and kind not in _KINDS:
        raise InputError(f"--kind {kind} is no kind of event: name one of {', '.join(_KINDS)}")
    with choice.open() as stored:
        events = list(stored.events(choice.wanted(kind), last))
    if choice.as_json:
        for message in events:
            typer.echo(json.dumps(event_message_map(message)))
    else:
        say_events(events)


@spread_options
def count_events(
    choice: EventChoice,
    by: Annotated[
        Literal["minute", "hour", "day"] | None, typer.Option(help="One row each. Default: one for the whole time.")
    ] = None,
) -> None:
    """Count what went over the borders of zones and lines."""
    with choice.open() as stored:
        rows = list(stored.counts(choice.wanted(), None if by is None else _SPANS[by]))
        uncertain = stored.uncertain_since()
    if choice.as_json:
        for row in rows:
            values = {key: value for key, value in asdict(row).items() if value is not None}
            typer.echo(json.dumps({**values, "in": values.pop("ins"), "out": values.pop("outs")}))
    else:
        say_counts(rows, uncertain, dated=by is not None)


COMMANDS: dict[str, Callable[..., None]] = {"list": list_events, "counts": count_events}
