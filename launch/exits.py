"""Exit codes, and the one sentence that a failed command prints instead of a traceback."""

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
INTERRUPTED = 130  # Ctrl-C before the work was done; commands that run until Ctrl-C end with DONE

NODE_MISSING = (
    "{library} is missing: only groundcast's client is installed, and the groundcast command needs more: "
    "pip install 'groundcast[node]' on Python 3.11 or 3.12; your own programs can subscribe without it"
)
EVAL_MISSING = (
    "{library} is missing, which training, evaluation and comparisons need: pip install 'groundcast[node,eval]'"
)
EXTRA_MISSING = "{library} is missing, which this command needs: pip install 'groundcast[node,{extra}]'"
WEB_LIBRARIES = ("starlette", "uvicorn", "websockets")
EXTRA_OF = {
    "cyclonedds": "ros2",
    "rosbags": "ros2",
    "foxglove": "ros2",
    "paho": "mqtt",
    **dict.fromkeys(WEB_LIBRARIES, "web"),
}
EVAL_LIBRARIES = ("mujoco", "motmetrics", "faster_coco_eval", "matplotlib", "transformers")

_END_BY_CTRL_C = (
    *(["run"], ["page"], ["serve"], ["listen"], ["record"], ["replay"], ["ctl", "ask"], ["bridge"]),
    ["dataset", "review"],
)


class RunError(RuntimeError):
    """Something went wrong while running; the text says what, where and what to do."""


class InputError(ValueError):
    """The user's input cannot be used; the text says what, where and what to do."""


@contextmanager
def running(*refusals: type[Exception]) -> Generator[None]:
    """Within this block the input is accepted, so that an error is a failure of the run (exit code 1).

    Args:
        refusals: errors that still mean wrong input.
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
    """Turn an error in writing a file or a folder that the user named into an InputError.

    Args:
        path: of the file or the folder.
        kind: "file" or "folder".

    Raises:
        InputError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another {kind}") from error


def make_writable(folder: Path) -> None:
    """Make a folder that the user named and check that files can be written into it.

    Raises:
        InputError: it cannot be made or written.
    """
    with writing(folder, "folder"):
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=folder).close()


def missing_library(name: str) -> str:
    """What to install for a library that cannot be imported, as a sentence."""
    library = name.partition(".")[0]
    if library in EXTRA_OF:
        return EXTRA_MISSING.format(library=library, extra=EXTRA_OF[library])
    return (EVAL_MISSING if library in EVAL_LIBRARIES else NODE_MISSING).format(library=library)


def code_when_interrupted(arguments: list[str]) -> int:
    """The exit code of a command line after Ctrl-C, which is the ordinary end of commands that run until then."""
    is_review = arguments[:1] == ["label"] and any(word.partition("=")[0] == "--review" for word in arguments)
    is_ended = is_review or arguments[:1] in _END_BY_CTRL_C or arguments[:2] in _END_BY_CTRL_C
    return DONE if is_ended else INTERRUPTED


def is_named(error: BaseException) -> bool:
    """Whether an error is one of groundcast's own, whose text is a sentence for the user."""
    return type(error).__module__.partition(".")[0] == "groundcast"


def say(sentence: str) -> None:
    """Print one line on standard error. Standard output holds results only."""
    print(f"groundcast: {' '.join(printable(sentence).split())}", file=sys.stderr)
