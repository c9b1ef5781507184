"""Plain table: headings and rows of text, folded on a terminal, in wide lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..printable import printable

_WIDTH_ELSEWHERE = 250  # wide lines for pipes such as grep


def output_console() -> Console:
    """Standard output."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDTH_ELSEWHERE)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], console: Console | None = None) -> None:
    """Print a table on standard output, or on another console."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        # Sanitized: text from other clients must be neither markup nor control characters.
        table.add_row(*(Text(printable(cell)) for cell in row))
    (console or output_console()).print(table)
