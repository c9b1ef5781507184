"""Command line: runs one command and ends the process with its exit code."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import sys
from typing import NoReturn

from ..stream.source_url import redact
from .exits import (
    DONE,
    FAILED,
    INTERRUPTED,
    WRONG_INPUT,
    RunError,
    code_when_interrupted,
    is_named,
    missing_library,
    say,
)
from .log_setup import log_is_json, log_to_stderr
from .standard_streams import open_standard_streams

_LOG = logging.getLogger("groundcast")


def run_and_leave() -> NoReturn:
    """Run the process's command line and end the process with its exit code."""
    open_standard_streams()
    arguments = sys.argv[1:]
    # Torch reads it when it is loaded. Threads that spin while they wait take the cores from the decoder, the
    # subscribers and each other: on two busy cores a picture took more than twice as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    faulthandler.enable()  # a crash, or a watchdog's SIGABRT, prints each thread's stack
    # `detect` reports pictures that fail once, at its end.
    log_to_stderr(logging.ERROR if arguments[:1] == ["detect"] else logging.INFO)
    code = run(arguments)
    if arguments[:1] == ["run"]:
        _leave(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line.

    Returns:
        The exit code: 0 done, 1 failed while running, 2 the input was wrong, 130 interrupted.
    """
    try:
        import typer

        try:
            code = _carry_out(arguments or ["--help"])
            sys.stdout.flush()
            return code_when_interrupted(arguments) if code == INTERRUPTED else code  # typer turns Ctrl-C into a code
        except typer.Abort:
            return code_when_interrupted(arguments)
    except KeyboardInterrupt:
        return code_when_interrupted(arguments)
    except SystemExit as ended:  # completion is done, or the reader of our output has closed it
        return int(ended.code or DONE)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("groundcast"):
            raise
        say(missing_library(error.name or ""))
        return WRONG_INPUT
    except Exception as error:
        usage = getattr(error, "format_message", None)  # of the command line's parser, whichever one typer brings
        if usage is None and not is_named(error):
            raise
        _say_why(redact(usage()) if usage else str(error))  # the parser repeats what it was given
        return FAILED if isinstance(error, RunError) else WRONG_INPUT


def _carry_out(arguments: list[str]) -> int:
    from .commands import groundcast_app

    return groundcast_app()(arguments, prog_name="groundcast", standalone_mode=False) or DONE


def _leave(code: int) -> NoReturn:
    """End a node's process at once.

    The node has closed what it owns. A thread may still be stuck in FFmpeg, and unloading torch delays a restart: it
    took 0.8 to 4 s on two busy cores.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # its reader has gone
            stream.flush()
    os._exit(code)


def _say_why(sentence: str) -> None:
    """Say why a command failed: in the log where it is JSON, else on standard error."""
    if log_is_json():
        _LOG.critical(sentence)
    else:
        say(sentence)
