"""Shows messages: a live table on a terminal, a line per source and second elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...stream.wire.message_types import DetectionMessage
from ..printable import printable
from .live_table import LiveTable

if TYPE_CHECKING:
    from rich.table import Table

_REDRAW_HZ = 10
_LINE_EVERY_S = 1.0


class MessageTable(LiveTable):
    """The newest message of each source.

    On a terminal it is a table that stays in place; elsewhere one line of each source a second; nothing if `silent`.

    Args:
        waiting: shown on the terminal until the first message.
    """

    def __init__(self, waiting: str = "", *, silent: bool = False) -> None:
        super().__init__(_REDRAW_HZ, waiting, silent=silent)
        # replaced at each message, since rich's thread may be reading it
        self._newest: dict[tuple[str, str], DetectionMessage] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._next_line_s: dict[tuple[str, str], float] = {}

    def show(self, message: DetectionMessage) -> None:
        """Show one message."""
        key = message.node, message.source
        self._counts[key] = self._counts.get(key, 0) + 1
        self._newest = {**self._newest, key: message}
        if self._prints and time.monotonic() >= self._next_line_s.get(key, 0.0):
            self._next_line_s[key] = time.monotonic() + _LINE_EVERY_S
            print(message_line(message), flush=True)

    def _table(self) -> Table | None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        if not self._newest:
            return None
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption_justify="left")
        for heading in ("source", "seq", "age", "id", "phrase", "score", "x1 y1 x2 y2", "state"):
            # In a narrow terminal names wrap; numbers must not be cut.
            table.add_column(heading, no_wrap=heading not in ("source", "phrase"), overflow="fold")
        for key, message in sorted(self._newest.items()):
            age_ms = message.age_ms_now()
            head = [printable(message.source), str(message.seq), "" if age_ms is None else f"{age_ms:.0f} ms"]
            for track in message.tracks:
                box = " ".join(f"{value:.0f}" for value in track.box_xyxy)
                phrase = Text(printable(track.phrase))  # not rich markup
                table.add_row(*head, str(track.id), phrase, f"{track.score:.2f}", box, track.state)
                head = ["", "", ""]
            if not message.tracks:
                table.add_row(*head, "", "nothing found", "", "", "")
            table.caption = f"{self._counts[key]} messages"
        return table


def message_line(message: DetectionMessage) -> str:
    """One message as one line."""
    tracks = ", ".join(
        f"{track.phrase} #{track.id} at {' '.join(f'{value:.0f}' for value in track.box_xyxy)}"
        + ("" if track.state == "matched" else f" ({track.state})")
        for track in message.tracks
    )
    return printable(f"{message.source} seq {message.seq}, {_age(message)}: {tracks or 'nothing found'}")


def _age(message: DetectionMessage) -> str:
    age_ms = message.age_ms_now()
    old = f"sent {message.ms_since_published():.0f} ms ago" if age_ms is None else f"{age_ms:.0f} ms old"
    return f"{old}{', replay' if message.replay else ''}{', stale' if message.stale else ''}"
