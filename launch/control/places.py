"""`groundcast ctl zone` and `groundcast ctl line`: adds and removes the places where a source's objects are counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import typer

from ..exits import InputError
from ..settings.command_options import spread_options
from .commands import NodeConnection, connected, say_applied

Action = Annotated[Literal["add", "remove"], typer.Argument(help="add or remove; add replaces one of that name.")]
OfSource = Annotated[str, typer.Argument(help="The source's name.", show_default=False)]
PlaceName = Annotated[str, typer.Argument(metavar="NAME", help="The zone's or the line's name.", show_default=False)]
Points = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="X,Y",
        help="Points: px of the original picture, or metres with --frame. Write -- before negative ones.",
        show_default=False,
    ),
]
Frame = Annotated[
    str | None,
    typer.Option(help="The points are metres in this frame of the source's geometry; positions count, not boxes."),
]
Phrases = Annotated[
    list[str] | None, typer.Option("--phrase", help="Count only this phrase; may be given again. Default: all.")
]
Settle = Annotated[
    float | None, typer.Option(min=0, help="How long an object must be on the new side before it counts. Default: 0.2.")
]


@spread_options
def zone(
    action: Action,
    source: OfSource,
    name: PlaceName,
    connection: NodeConnection,
    corners: Points = None,
    phrases: Phrases = None,
    point: Annotated[
        Literal["centre", "bottom", "any"] | None,
        typer.Option(help="Which point of a box must be inside. Default: centre.", show_default=False),
    ] = None,
    frame: Frame = None,
    settle_s: Settle = None,
    dwell_s: Annotated[float | None, typer.Option(min=0, help="Send an event after a stay of so long.")] = None,
) -> None:
    """Add a zone to a source, or remove it: zone add door shelf 40,60 600,60 600,200 40,200."""
    key = "polygon_px" if frame is None else "polygon_m"
    values = {key: _points(action, corners or [], 3, 64), **_given(name, phrases, settle_s, point, frame)}
    if dwell_s is not None:
        values["dwell_s"] = dwell_s
    with connected(connection) as node:
        applied = node.remove_place(source, name) if action == "remove" else node.put_zone(source, values)
        say_applied(applied, connection)


@spread_options
def line(
    action: Action,
    source: OfSource,
    name: PlaceName,
    connection: NodeConnection,
    ends: Points = None,
    phrases: Phrases = None,
    point: Annotated[
        Literal["centre", "bottom"] | None,
        typer.Option(help="Which point of a box must cross. Default: centre.", show_default=False),
    ] = None,
    frame: Frame = None,
    settle_s: Settle = None,
) -> None:
    """Add a line to a source, or remove it: line add door entrance 320,0 320,360."""
    key = "points_px" if frame is None else "points_m"
    values = {key: _points(action, ends or [], 2, 2), **_given(name, phrases, settle_s, point, frame)}
    with connected(connection) as node:
        applied = node.remove_place(source, name) if action == "remove" else node.put_line(source, values)
        say_applied(applied, connection)


COMMANDS: Mapping[str, Callable[..., None]] = {"zone": zone, "line": line}


def _given(
    name: str, phrases: Sequence[str] | None, settle_s: float | None, point: str | None, frame: str | None
) -> dict[str, object]:
    values = {"settle_s": settle_s, "point": point, "frame": frame}
    given = {key: value for key, value in values.items() if value is not None}
    return {"name": name, "phrases": list(phrases or ()), **given}


def _points(action: str, texts: Sequence[str], fewest: int, most: int) -> list[tuple[float, float]]:
    """The points that were given; raises InputError for too few, too many, or none that can be read."""
    if action == "remove":
        if texts:
            raise InputError("remove takes the source and the name alone: leave the points away")
        return []
    if not fewest <= len(texts) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise InputError(f"{len(texts)} points are given: give {wanted}, each as X,Y")
    return [_point(text) for text in texts]


def _point(text: str) -> tuple[float, float]:
    x, _, y = text.partition(",")
    try:
        return float(x), float(y)
    except ValueError:
        raise InputError(f"{text} is no point: write X,Y such as 320,180") from None
