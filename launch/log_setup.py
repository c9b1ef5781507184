"""Where log lines go: standard error, coloured on a terminal, plain elsewhere."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec


def log_to_stderr(level: int) -> None:
    """Send the log of the house to standard error; other libraries only speak up from warnings on."""
    logging.getLogger("groundcast").setLevel(level)
    logging.getLogger().setLevel(logging.WARNING)
    logging.basicConfig(handlers=[_handler()], force=True)
    logging.captureWarnings(capture=True)


def _handler() -> logging.Handler:
    if sys.stderr.isatty() and find_spec("rich") is not None:
        from rich.console import Console
        from rich.logging import RichHandler

        coloured = RichHandler(console=Console(stderr=True), show_path=False, rich_tracebacks=False)
        coloured.setFormatter(logging.Formatter("%(message)s"))  # it writes time and level itself
        return coloured
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    return handler
