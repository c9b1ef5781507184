"""Stored events as a CSV file, for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ...stream.events.store import happened_unix_ns
from ...stream.wire.event_message import event_map
from ...stream.wire.message_types import EventMessage
from ..exits import InputError, writing

_COLUMNS = ("happened", "node", "source", "epoch", "generation", "number", "seq")
_EVENT_COLUMNS = (
    *("kind", "place", "phrase", "direction", "object", "track_id", "score", "unseen", "seconds", "count"),
    *("previous", "time_s", "captured_unix_ns"),
)
_BOX_COLUMNS = ("left_px", "top_px", "right_px", "bottom_px")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_events(path: Path, events: Iterable[EventMessage]) -> int:
    """Write one row for each event, with times in UTC; returns how many.

    A text that a spreadsheet would take for a formula gets a quote in front.

    Raises:
        InputError: the file is there already, or cannot be written.
    """
    count = 0
    with writing(path):
        try:
            file = path.open("x", newline="", encoding="utf-8")
        except FileExistsError:
            raise InputError(f"{path} is there already: name another file, or move it away") from None
        with file:
            writer = csv.writer(file)
            writer.writerow((*_COLUMNS, *_EVENT_COLUMNS, *_BOX_COLUMNS))
            for message in events:
                writer.writerow(_row(message))
                count += 1
    return count


def _row(message: EventMessage) -> list[object]:
    happened_ns, values = happened_unix_ns(message), event_map(message.event)
    moment = datetime.fromtimestamp(happened_ns // 10**9, UTC).replace(microsecond=happened_ns % 10**9 // 1000)
    box = message.event.box_xyxy or ("", "", "", "")
    whose = (message.node, message.source, message.epoch, message.generation, message.number, message.seq)
    return [moment.isoformat(), *whose, *(_plain(values.get(key, "")) for key in _EVENT_COLUMNS), *box]


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
