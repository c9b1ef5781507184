"""The command `groundcast`: finds the subcommand's file and loads no other."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn

from ..stream.source_url import redact
from .exits import (
    DONE,
    EVAL_LIBRARIES,
    EVAL_MISSING,
    FAILED,
    INTERRUPTED,
    NODE_MISSING,
    WRONG_INPUT,
    RunError,
    is_named,
    say,
)
from .log_setup import log_is_json, log_to_stderr
from .standard_streams import open_standard_streams

if TYPE_CHECKING:
    import typer

_LOG = logging.getLogger("groundcast")
_COMMANDS = {
    "demo": "Find and track the objects of the embedded clip, and show them.",
    "run": "Run a node: cameras in, tracked boxes out over ZeroMQ.",
    "ctl": "Tell a running node what to look for, and where.",
    "listen": "Subscribe to a node and print, store or draw what it sends.",
    "record": "Write what a node sends into MCAP files.",
    "replay": "Publish recordings again, or say what is in them.",
    "keys": "Make keys, and say which clients a node lets in.",
    "detect": "Find what a prompt asks for in pictures, folders and clips.",
    "train": "Teach a model with your own pictures.",
    "eval": "Measure a model against ground truth.",
    "verify": "Compare a model's answers with published ones.",
    "bench": "Measure speed and memory on this machine, beside transformers.",
    "probe": "Say what a camera sends: codec, size, rate, key frames, clock.",
    "check": "Read a settings file and say what it would do.",
    "doctor": "Say what is installed, what is missing, and how to get it.",
}

_END_BY_CTRL_C = (["run"], ["listen"], ["record"], ["replay"])


def main() -> None:
    """Run the command line and end the process with its exit code."""
    open_standard_streams()
    arguments = sys.argv[1:]
    # Read when torch is loaded. Threads that spin while they wait for each other starve the decoder and the subscribers
    # beside them, and then one another: on two busy cores a picture took more than twice as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    faulthandler.enable()  # a crash, or a watchdog's SIGABRT, says where each thread stood
    # What goes wrong with one picture of many is said once, at the end.
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
            return _interrupted(arguments) if code == INTERRUPTED else code  # typer turns Ctrl-C into a code
        except typer.Abort:
            return _interrupted(arguments)
    except KeyboardInterrupt:
        return _interrupted(arguments)
    except SystemExit as ended:  # the reader of our output has seen enough
        return int(ended.code or DONE)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("groundcast"):
            raise
        missing = EVAL_MISSING if error.name in EVAL_LIBRARIES else NODE_MISSING
        say(missing.format(library=error.name))
        return WRONG_INPUT
    except Exception as error:
        usage = getattr(error, "format_message", None)  # of the command line's parser, whichever one typer brings
        if usage is None and not is_named(error):
            raise
        _say_why(redact(usage()) if usage else str(error))  # the parser repeats what it was given
        return FAILED if isinstance(error, RunError) else WRONG_INPUT


def _interrupted(arguments: list[str]) -> int:
    """The exit code after Ctrl-C: of what runs until then it is the ordinary end, also while it begins."""
    return DONE if arguments[:1] in _END_BY_CTRL_C or arguments[:2] == ["ctl", "ask"] else INTERRUPTED


def _carry_out(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        print(f"groundcast {version('groundcast')}")
        return DONE
    return _app(arguments[0])(arguments, prog_name="groundcast", standalone_mode=False) or DONE


def _app(command: str) -> typer.Typer:
    import typer

    app = typer.Typer(
        help="Point it at a camera, say in words what to look for, subscribe to tracked boxes.",
        epilog="groundcast --version says which one this is.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # boxes leave too little room for words in 80 columns
        pretty_exceptions_enable=False,
    )
    for name, line in _COMMANDS.items():
        # Only the command that was asked for is loaded; of the others the list needs no more than a line.
        if name != command:
            app.command(name, help=line)(_not_loaded)
        elif name in ("train", "eval", "bench", "keys", "ctl"):
            group = typer.Typer(help=line, no_args_is_help=True)
            for subcommand, function in _load_group(name).items():
                group.command(subcommand)(function)
            app.add_typer(group, name=name)
        else:
            app.command(name, help=None)(_load(name))
    return app


def _leave(code: int) -> NoReturn:
    """End a node's process at once. All that is its own is closed; a thread may still be stuck in FFmpeg, and to take
    torch apart in good order took 0.8 to 4 s on two busy cores, which is long for whoever waits for a restart.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def _say_why(sentence: str) -> None:
    """The sentence about why a command failed."""
    if log_is_json():
        _LOG.critical(sentence)
    else:
        say(sentence)


def _not_loaded() -> None:
    raise AssertionError("a command that was not asked for was run")


def _load_group(name: str) -> dict[str, Callable[..., Any]]:
    """The commands below `train`, `eval`, `bench`, `keys` or `ctl`."""
    if name == "ctl":
        from .ctl import COMMANDS

        return COMMANDS
    if name == "keys":
        from .keys import allow_client, list_keys, new_keys, revoke_client

        return {"new": new_keys, "allow": allow_client, "revoke": revoke_client, "list": list_keys}
    if name == "bench":
        from .bench.commands import COMMANDS

        return COMMANDS
    if name == "train":
        from .train.detector import train_detector
        from .train.tabletop import train_tabletop

        return {"tabletop": train_tabletop, "detector": train_detector}
    from .evaluate.coco import eval_coco, eval_lvis
    from .evaluate.odinw import eval_odinw
    from .evaluate.refcoco import eval_refcoco
    from .evaluate.tabletop import eval_tabletop

    return {
        "tabletop": eval_tabletop,
        "coco": eval_coco,
        "lvis": eval_lvis,
        "odinw": eval_odinw,
        "refcoco": eval_refcoco,
    }


def _load(name: str) -> Callable[..., Any]:
    match name:
        case "demo":
            from .demo import demo as command
        case "run":
            from .run import run as command
        case "listen":
            from .listen import listen as command
        case "record":
            from .record import record as command
        case "replay":
            from .replay import replay as command
        case "detect":
            from .detect import detect as command
        case "probe":
            from .probe import probe as command
        case "verify":
            from .verify.published import verify as command
        case "check":
            from .check import check as command
        case _:
            from .doctor import doctor as command
    return command


if __name__ == "__main__":
    main()
