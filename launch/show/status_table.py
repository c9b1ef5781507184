"""Shows the status of sources: a live table on a terminal, a line per status elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...stream.stats import LAST_STATES
from ...stream.wire.message_types import StatusMessage
from ..printable import printable
from .live_table import LiveTable

if TYPE_CHECKING:
    from rich.table import Table

_REDRAW_HZ = 4
_HEADINGS = ("source", "state", "fps in/out", "drops", "p95", "lost", "prompt", "silent")
_COLOURS = {"running": "green", "failed": "red", "stalled": "yellow", "reconnecting": "yellow"}


class StatusTable(LiveTable):
    """The last status of each source and its age, since the node may have ended.

    Args:
        waiting: shown on the terminal until the first status.
        silent: print nothing.
    """

    def __init__(self, waiting: str = "", *, silent: bool = False) -> None:
        super().__init__(_REDRAW_HZ, waiting, silent=silent)
        # replaced at each status, since rich's thread may be reading it
        self._last: dict[tuple[str, str], tuple[StatusMessage, float]] = {}

    def show(self, status: StatusMessage) -> None:
        """Show one status."""
        self._last = {**self._last, (status.node, status.source): (status, time.monotonic())}
        if self._prints:
            print(status_line(status), flush=True)

    def _table(self) -> Table | None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        if not self._last:
            return None
        table = Table(
            box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption_justify="left"
        )  # fits into 80 columns
        for heading in _HEADINGS:
            table.add_column(heading, no_wrap=True)
        last = self._last
        several = len({node for node, _ in last}) > 1
        remarks: list[str] = []
        for (node, source), (status, heard_s) in sorted(last.items()):
            name = f"{node}/{source}" if several else source
            remarks += [f"{name}: {remark}" for remark in _remarks(status)]
            table.add_row(
                Text(name),
                Text(_state(status), _COLOURS.get(status.state, "")),
                f"{status.fps_in:.1f}/{status.fps_out:.1f}",
                str(status.dropped_total),
                f"{status.latency_ms['p95']:.0f} ms" if "p95" in status.latency_ms else "",
                str(status.reconnects),
                str(status.prompt_version),
                "" if status.state in LAST_STATES else f"{time.monotonic() - heard_s:.0f} s",
            )
        table.caption = Text("\n".join(remarks))
        return table


def status_line(status: StatusMessage) -> str:
    """The status of a source as one line."""
    said = f"{status.source}: {_state(status)}, {status.fps_in:.1f} fps in, {status.fps_out:.1f} out"
    if "p95" in status.latency_ms:
        said += f", p95 {status.latency_ms['p95']:.0f} ms"
    said += f", {status.dropped_total} dropped, {status.reconnects} reconnects, prompt {status.prompt_version}"
    return ", ".join([said, *_remarks(status)])


def _state(status: StatusMessage) -> str:
    return f"{status.state}, paused" if status.paused else status.state


def _remarks(status: StatusMessage) -> list[str]:
    stale = f"{status.stale_total} stale" if status.stale_total else None
    texts = (stale, status.error, status.warning, status.ended if status.ended != status.error else None)
    return [printable(text) for text in texts if text]
