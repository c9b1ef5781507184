"""How a command ends: exit codes, and one sentence instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from .printable import printable

DONE = 0
FAILED = 1  # while running
WRONG_INPUT = 2
INTERRUPTED = 130  # Ctrl-C before the work was done; a node or a listener that is told to stop is done

NODE_MISSING = (
    "the groundcast command needs more than the client, which is all that is installed ({library} is missing): "
    "pip install 'groundcast[node]', on Python 3.11 or 3.12; your own programs can subscribe without it"
)
EVAL_MISSING = "{library} is missing, which draws scenes or judges results: pip install 'groundcast[node,eval]'"
EVAL_LIBRARIES = ("mujoco", "motmetrics", "faster_coco_eval", "matplotlib")


class RunError(RuntimeError):
    """Something went wrong while running; the text says what, where and what to do."""


class InputError(ValueError):
    """What the user gave cannot be used; the text says what, where and what to do."""


@contextmanager
def running(*refusals: type[Exception]) -> Generator[None]:
    """From here on the user's input was accepted: what goes wrong now is a failure of the run (exit code 1).

    Args:
        refusals: what nevertheless says that the input was wrong.
    """
    try:
        yield
    except refusals:
        raise
    except Exception as error:
        if not isinstance(error, RunError) and is_named(error):
            raise RunError(str(error)) from error
        raise


@contextmanager
def writing(path: Path, kind: str = "file") -> Generator[None]:
    """Around the writing of a file, or into a folder, that the user named.

    Args:
        path: of the file or the folder.
        kind: which of them it is.

    Raises:
        InputError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another {kind}") from error


def make_writable(folder: Path) -> None:
    """Make a folder that the user named, and see that files can be written into it, before there is anything to lose.

    Raises:
        InputError: they cannot.
    """
    with writing(folder, "folder"):
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()


def is_named(error: BaseException) -> bool:
    """Whether an error is one of the house's own, whose text is a sentence for the user."""
    return type(error).__module__.partition(".")[0] == "groundcast"


def say(sentence: str) -> None:
    """One line on standard error, so that standard output holds results only."""
    print(f"groundcast: {' '.join(printable(sentence).split())}", file=sys.stderr)
