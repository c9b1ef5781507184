"""Progress of a long command: a word or a bar on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from ..log_setup import log_console
from ..memory import memory_text
from ..printable import printable

_BAR_COLUMNS = 20  # leaves room for the facts in 80


@contextmanager
def busy(what: str) -> Generator[None]:
    """Show a word on a terminal while the block runs; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.text import Text

    with log_console().status(Text(printable(what))):
        yield


@contextmanager
def progress(what: str) -> Generator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere; called with (done, of how many).

    It says how many are done in a second, and how much memory that takes.
    """
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    # On a terminal, printed lines go above the bar. In a file or a pipe they stay unchanged.
    above = sys.stdout.isatty()
    what_column, facts_column = TextColumn("{task.description}"), TextColumn("{task.fields[facts]}")
    columns = (what_column, BarColumn(_BAR_COLUMNS), TaskProgressColumn(), TimeRemainingColumn(), facts_column)
    with Progress(*columns, console=log_console(), redirect_stdout=above, disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(escape(printable(what)), total=None, facts="")
        began: list[tuple[int, float]] = []

        def advance(done: int, total: int) -> None:
            facts = memory_text()
            if began:
                first, since_s = began[0]
                facts = f"{(done - first) / max(time.monotonic() - since_s, 1e-6):.1f} a second, {facts}"
            else:
                began.append((done, time.monotonic()))
            bars.update(bar, completed=done, total=total, facts=facts)

        yield advance


def saying_records(annotations: Path) -> Callable[[int, int], None]:
    """For `on_records`: report how many records are read before a long read."""

    def say_records(count: int, pictures: int) -> None:
        console = log_console()
        console.print(
            f"reading {count:,} annotations of {pictures:,} pictures: {printable(str(annotations))}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    return say_records
