"""`groundcast events`: lists and counts what a node has stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from ...stream.event import EventKind
from ...stream.events.store import EventStore
from ...stream.wire.event_message import event_message_map
from ..exits import InputError, writing
from ..settings.command_options import spread_options
from ..show.event_table import say_counts, say_events, say_static
from .csv_file import write_events
from .store_options import EventChoice, StoreChoice

_KINDS: tuple[EventKind, ...] = get_args(EventKind)
Kind = Annotated[str | None, typer.Option(help=f"Only of this kind: {', '.join(_KINDS)}.")]
_SPANS = {"minute": 1, "hour": 60, "day": 1440}


@spread_options
def list_events(
    choice: EventChoice,
    kind: Kind = None,
    last: Annotated[int, typer.Option(min=1, max=10**9, help="So many of the last ones.")] = 50,
) -> None:
    """List stored events, the newest last."""
    _check_kind(kind)
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
            values = asdict(row)
            typer.echo(json.dumps({**values, "in": values.pop("ins"), "out": values.pop("outs")}))
    else:
        say_counts(rows, uncertain, dated=by is not None)


@spread_options
def export_events(
    choice: EventChoice,
    csv: Annotated[Path, typer.Option(metavar="FILE", help="The CSV file to write; it must not exist.")],
    kind: Kind = None,
) -> None:
    """Write stored events into a CSV file, the oldest first."""
    _check_kind(kind)
    with choice.open() as stored:
        rows = write_events(csv, stored.events(choice.wanted(kind)))
    typer.echo(json.dumps({"out": str(csv), "events": rows}) if choice.as_json else f"{csv}: {rows} events")


@spread_options
def plot_counts(
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="The picture to write.", show_default=False)],
    choice: EventChoice,
    picture: Annotated[
        Path | None, typer.Option(help="A picture of the camera, below the map of where objects were counted.")
    ] = None,
    by: Annotated[Literal["minute", "hour", "day"], typer.Option(help="The span of each bar.")] = "hour",
) -> None:
    """Draw counts over time, and a map of where events happened."""
    if out.suffix.lower() != ".png":
        raise InputError(f"{out} gets a PNG: let its name end in .png")
    from ..report.event_plot import draw_counts  # matplotlib, which no other command here needs

    with choice.open() as stored:
        rows = list(stored.counts(choice.wanted(), _SPANS[by]))
        boxes = [one.event.box_xyxy for one in stored.events(choice.wanted()) if one.event.box_xyxy is not None]
    if not rows and not boxes:
        raise InputError("nothing is stored that fits: there is nothing to draw")
    with writing(out):
        draw_counts(out, rows, _SPANS[by], boxes, picture)
    typer.echo(json.dumps({"out": str(out)}) if choice.as_json else f"{out}: {len(rows)} spans, {len(boxes)} places")


@spread_options
def static_spots(
    choice: StoreChoice,
    take_back: Annotated[int | None, typer.Option(metavar="NUMBER", help="Let this place make events again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one object a line.")] = False,
) -> None:
    """List places where a phrase is found for hours and nothing moves, or take one back."""
    with choice.open() as stored:
        spots = list(stored.static_spots())
    if take_back is not None:
        if take_back not in [rowid for rowid, _ in spots]:
            known = ", ".join(str(rowid) for rowid, _ in spots) or "none"
            raise InputError(f"--take-back {take_back} is no static place: name one of those listed ({known})")
        with EventStore(choice.path) as store:
            store.take_back(take_back)
        typer.echo(json.dumps({"taken_back": take_back}) if as_json else f"done: place {take_back} makes events again")
    elif as_json:
        for rowid, message in spots:
            typer.echo(json.dumps({"static_number": rowid, **event_message_map(message)}))
    else:
        say_static(spots)


COMMANDS: Mapping[str, Callable[..., None]] = {
    "list": list_events,
    "counts": count_events,
    "export": export_events,
    "plot": plot_counts,
    "static": static_spots,
}


def _check_kind(kind: str | None) -> None:
    if kind is not None and kind not in _KINDS:
        raise InputError(f"--kind {kind} is no kind of event: name one of {', '.join(_KINDS)}")
