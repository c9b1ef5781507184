"""Tables of a node's status and sources, as its control socket reports them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, cast, get_args

from rich.console import Console
from rich.text import Text

from ...model.prompt import Phrase
from ...stream.event import CountName
from ...stream.node.node_api import NodeStatus
from ...stream.options import SourceOptions
from ...stream.wire.message_types import StatusMessage
from ..printable import printable
from ..settings.settings import is_map
from .plain_table import output_console, print_table

_TOTALS: tuple[CountName, ...] = get_args(CountName)
_DEFAULTS = {field.name: field.default for field in fields(SourceOptions) if field.default is not MISSING}


def say_status(status: NodeStatus) -> None:
    """Print the state of the node, a line for each source, and the leases of clients."""
    model, up_s, console = status.model, time.time() - status.epoch / 1e9, output_console()
    console.print(
        Text(
            f"{status.node}: up for {_span(up_s)}, model {model.name} ({model.dtype}), prompt {status.prompt_version}"
            + (f", {status.unsent} messages never sent" if status.unsent else "")
        )
    )
    rows = [
        (
            source.source,
            f"{source.state}{', paused' if source.source in status.paused else ''}",
            f"{source.fps_in:.1f}",
            f"{source.fps_out:.1f}",
            str(source.dropped_total),
            _p95(source),
            _phrases(status.prompts[source.source].phrases) if source.source in status.prompts else "",
        )
        for source in status.sources
    ]
    print_table(("source", "state", "fps in", "fps out", "dropped", "p95", "looks for"), rows, console)
    _say_counts(console, status)
    for source in status.sources:
        for text in (source.error, source.warning):
            if text:
                console.print(Text(printable(f"{source.source}: {text}")))
    leases = [
        (" . ".join(one.phrases), one.source or "all", f"{one.seconds_left:.0f} s", one.client) for one in status.leases
    ]
    if leases:
        print_table(("asked for as well", "source", "for", "by"), leases, console)


def say_sources(sources: Sequence[Mapping[str, Any]]) -> None:
    """Print the settings of each source that differ from the defaults."""
    rows: list[tuple[str, ...]] = []
    for source in sources:
        settings = source["settings"]
        unusual = {key: value for key, value in settings.items() if not _is_default(key, value)}
        name, url = unusual.pop("name"), unusual.pop("url")
        state = f"{source['state']}{', paused' if source['paused'] else ''}"
        rows.append((name, state, url, " ".join(f"{key}={_short(value)}" for key, value in unusual.items())))
    console = output_console()
    print_table(("source", "state", "url", "settings"), rows, console)
    for source in sources:
        if "error" in source:
            console.print(Text(printable(f"{source['settings']['name']}: {source['error']}")))


def _say_counts(console: Console, status: NodeStatus) -> None:
    """Print the counts of all zones and lines, where there are any."""
    rows = [
        (source.source, one.name, _of_phrases(one.now), *(_of_phrases(one.totals.get(name, {})) for name in _TOTALS))
        for source in status.sources
        for one in source.counts
    ]
    if rows:
        print_table(("source", "place", "inside now", *_TOTALS), rows, console)
    for source in status.sources:
        if source.uncertain_since_unix_ns is not None:
            since_s = time.time() - source.uncertain_since_unix_ns / 1e9
            console.print(Text(f"{source.source}: counts may be wrong since {_span(since_s)} ago"))


def _of_phrases(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {phrase}" for phrase, count in counts.items())


def state_of(source: StatusMessage) -> str:
    """The state of a source and its reason, as part of a sentence."""
    return printable(f"{source.source} is {source.state}{f' ({source.error})' if source.error else ''}")


def _is_default(key: str, value: object) -> bool:
    if key not in _DEFAULTS:
        return False
    return value == _DEFAULTS[key] or (value == [] and _DEFAULTS[key] == ())  # answers have no tuples


def _phrases(phrases: Sequence[Phrase]) -> str:
    return " . ".join(
        f"{'not ' if phrase.negative else ''}{phrase.name}"
        + ("" if phrase.threshold is None else f" ({phrase.threshold:g})")
        for phrase in phrases
    )


def _short(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    items = cast("list[Any]", value)
    if all(is_map(item) for item in items):
        return " . ".join(str(item["name"]) for item in items)  # a prompt
    return ",".join(map(str, items))


def _p95(source: StatusMessage) -> str:
    return f"{source.latency_ms['p95']:.0f} ms" if "p95" in source.latency_ms else ""


def _span(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
