"""Log handlers and formats on standard error: coloured, plain or JSON. `source_url` redacts passwords in each line."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import datetime, timezone
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

from ..stream.source_url import redact
from .printable import printable

ExcInfo: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"

if TYPE_CHECKING:
    from rich.console import Console

_LOG = logging.getLogger(__name__)
_BROKE = "groundcast failed: this is a fault in groundcast"


def log_to_stderr(level: int) -> None:
    """Send groundcast's log to standard error; of other libraries, warnings and errors alone.

    Uncaught exceptions are logged in the same way, so that passwords in them are redacted too.
    """
    logging.getLogger("groundcast").setLevel(level)
    logging.getLogger().setLevel(logging.WARNING)
    logging.basicConfig(handlers=[_handler()], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def log_as_json(node: str) -> None:
    """From now on, write every line of the log as one JSON object that names the node."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(node))
    logging.basicConfig(handlers=[handler], force=True)


def log_is_json() -> bool:
    """Whether the log is written as JSON."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def log_console() -> Console:
    """The rich console of standard error; on a terminal the log's own, which prints its lines above progress bars."""
    from rich.console import Console
    from rich.logging import RichHandler

    consoles = (one.console for one in logging.getLogger().handlers if isinstance(one, RichHandler))
    return next(consoles, None) or Console(stderr=True)


class PlainLines(logging.Formatter):
    """Log lines as text. Lines of other libraries are redacted; groundcast's own have no secrets."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return printable(line if _is_own(record) else redact(line), keep="\n\t")  # a traceback has lines

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  the name that logging calls
        return redact(super().formatException(ei))


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, node; source and exception where there is one.

    Args:
        node: the node's name.
    """

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        values = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage() if _is_own(record) else redact(record.getMessage()),
            "node": self._node,
        }
        source: object = getattr(record, "source", None)  # given as `extra` where it is known
        if isinstance(source, str):
            values["source"] = source
        if record.exc_info:
            values["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(values)


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == "groundcast"


def _handler() -> logging.Handler:
    if sys.stderr.isatty() and find_spec("rich") is not None:
        from rich.console import Console
        from rich.logging import RichHandler

        coloured = RichHandler(console=Console(stderr=True), show_path=False, rich_tracebacks=False)
        coloured.setFormatter(PlainLines("%(message)s"))  # it writes time and level itself
        return coloured
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    return handler


def _log_uncaught(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    _LOG.critical(_BROKE, exc_info=(kind, error, at))


def _log_uncaught_in_thread(broken: threading.ExceptHookArgs) -> None:
    if broken.exc_value is not None and not isinstance(broken.exc_value, SystemExit):
        _log_uncaught(broken.exc_type, broken.exc_value, broken.exc_traceback)
