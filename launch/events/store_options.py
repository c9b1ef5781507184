"""The options of `groundcast events`: which file of events, and which of its events."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ...stream.events.stored import EventFilter, StoredEvents
from ..exits import InputError
from ..node.state_folder import event_stores, own_event_store

_SPAN = re.compile(r"(\d{1,9})(s|m|min|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_LAST_NS = 2**63 - 1  # what a file of events can hold: the year 2262


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """Which file of events."""

    node: Annotated[str | None, typer.Option(help="The node's name, where there are several.")] = None
    store: Annotated[
        Path | None, typer.Option(help="The file of events. Default: the node's, in the user's folder for states.")
    ] = None

    def open(self) -> StoredEvents:
        """The file.

        Raises:
            InputError: there is none, or several, and none is named.
            EventStoreError: it cannot be read.
        """
        return StoredEvents(self.path)

    @property
    def path(self) -> Path:
        """The path of the file; raises InputError."""
        if self.store is not None:
            return self.store
        found = event_stores(os.environ)
        folder = own_event_store("node", os.environ).parent
        if not found:
            raise InputError(f"no node has stored events in {folder}: name its file with --store")
        names = ", ".join(sorted(found))
        if self.node is None and len(found) > 1:
            raise InputError(f"several nodes have stored events in {folder} ({names}): name one with --node")
        if self.node is not None and self.node not in found:
            raise InputError(f"node {self.node} has stored no events in {folder}, but {names}: name one of them")
        return found[self.node or names]


@dataclass(frozen=True, slots=True)
class EventChoice(StoreChoice):
    """Which file of events, and which of its events."""

    source: Annotated[str | None, typer.Option(help="Only of this source.")] = None
    place: Annotated[str | None, typer.Option(help="Only of this zone or line.")] = None
    phrase: Annotated[str | None, typer.Option(help="Only of this phrase.")] = None
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="2026-12-31, 2026-12-31T18:00, or so long ago: 30m, 2h, 7d.")
    ] = None
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before this time, written in the same way.")] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one object a line.")] = False

    def wanted(self, kind: str | None = None) -> EventFilter:
        """The filter; raises InputError where a time cannot be read."""
        return EventFilter(
            node=self.node,
            source=self.source,
            kind=kind,
            place=self.place,
            phrase=self.phrase,
            since_ns=_moment_ns("--since", self.since),
            until_ns=_moment_ns("--until", self.until),
        )


def _moment_ns(option: str, text: str | None) -> int | None:
    """A local time, or a time ago, in unix ns; no earlier or later than a stored one can be."""
    if text is None:
        return None
    if match := _SPAN.fullmatch(text):
        return max(0, time.time_ns() - int(match[1]) * _SECONDS[match[2]] * 10**9)
    try:
        return min(max(0, int(datetime.fromisoformat(text).timestamp()) * 10**9), _LAST_NS)
    except (ValueError, OverflowError, OSError):
        raise InputError(
            f"{option} {text} is no time: write 2026-12-31, 2026-12-31T18:00, or so long ago: 30m, 2h, 7d"
        ) from None
