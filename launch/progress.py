"""How far a long command is: a word or a bar on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from .log_setup import log_console
from .printable import printable


@contextmanager
def busy(what: str) -> Generator[None]:
    """A word on a terminal while something takes its time, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.text import Text

    with log_console().status(Text(printable(what))):
        yield


@contextmanager
def progress(what: str) -> Generator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere; called with (done, of how many)."""
    from rich.markup import escape
    from rich.progress import Progress

    # On a terminal what is printed is set above the bar. In a file or a pipe it must stay what it is.
    above = sys.stdout.isatty()
    with Progress(console=log_console(), redirect_stdout=above, disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(escape(printable(what)), total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
