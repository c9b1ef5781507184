"""Tables of stored events and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ...stream.events.store import happened_unix_ns
from ...stream.events.stored import CountRow
from ...stream.wire.message_types import EventMessage
from ..printable import printable
from .plain_table import print_table


def say_events(events: Sequence[EventMessage]) -> None:
    """Print one row for each event."""
    rows = [
        (
            local_time(happened_unix_ns(message)),
            message.source,
            message.event.kind,
            message.event.place or "",
            message.event.phrase or "",
            _details(message),
        )
        for message in events
    ]
    print_table(("time", "source", "event", "place", "phrase", "details"), rows)


def say_counts(rows: Sequence[CountRow], uncertain: Mapping[tuple[str, str], int], *, dated: bool) -> None:
    """Print one row for each place, phrase and, if `dated`, span of time; then which counts may be wrong."""
    headings = (*(("from",) if dated else ()), "source", "place", "phrase", "entered", "left", "in", "out")
    cells = [
        (
            *((local_time(row.begin_unix_ns)[:16],) if dated else ()),
            *(row.source, row.place, row.phrase),
            *(str(count or "") for count in (row.entered, row.left, row.ins, row.outs)),
        )
        for row in rows
    ]
    print_table(headings, cells)
    for (_, source), since_ns in sorted(uncertain.items()):
        print(printable(f"{source}: counts may be wrong since {local_time(since_ns)}: no picture came for a time"))


def say_static(spots: Sequence[tuple[int, EventMessage]]) -> None:
    """Print one row for each static place."""
    rows = [
        (
            str(number),
            message.source,
            message.event.phrase or "",
            " ".join(f"{side:.0f}" for side in message.event.box_xyxy or ()),
            local_time(happened_unix_ns(message)),
        )
        for number, message in spots
    ]
    print_table(("number", "source", "phrase", "box, px", "since"), rows)


def local_time(unix_ns: int) -> str:
    """A time in this computer's time zone, to the second."""
    return datetime.fromtimestamp(unix_ns // 10**9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _details(message: EventMessage) -> str:
    event = message.event
    told = [
        event.direction or "",
        "" if event.count is None else f"{event.previous} -> {event.count}",
        "" if event.seconds is None else f"{event.seconds:.1f} s",
        "unseen" if event.unseen else "",
        "" if event.moved_px is None else f"by {event.moved_px[0]:.0f}, {event.moved_px[1]:.0f} px",
        "" if event.track_id is None else f"#{event.track_id}",
    ]
    return " ".join(filter(None, told))
