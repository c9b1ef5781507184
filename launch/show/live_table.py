"""A live table: stays in place on a terminal and is redrawn a few times a second."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ..printable import printable

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text


class LiveTable(ABC):
    """Shown within a `with` block, on a terminal alone.

    Args:
        redraw_hz: how often.
        waiting: shown until there is something for the table.
        silent: show nothing there either.

    Attributes:
        waiting: may be replaced.
    """

    def __init__(self, redraw_hz: float, waiting: str, *, silent: bool) -> None:
        self._redraw_hz = redraw_hz
        self.waiting = waiting
        self._is_shown = not silent and sys.stdout.isatty()
        self._prints = not silent and not self._is_shown  # prints lines instead of the table
        self._live: Live | None = None

    @abstractmethod
    def _table(self) -> Table | None:
        """The current table, None before there is anything to show. Called from rich's thread."""

    def __enter__(self) -> Self:
        if self._is_shown:
            from rich.live import Live

            self._live = Live(get_renderable=self._shown, refresh_per_second=self._redraw_hz)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def _shown(self) -> Table | Text:
        from rich.text import Text

        return self._table() or Text(printable(self.waiting))
