"""The commands of `groundcast`, in groups: each is listed by one line and loaded when the command line names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

_GROUPS = {
    "Look": {
        "demo": "Find and track the objects of the embedded clip, and show them.",
        "detect": "Detect objects in pictures, folders and clips.",
        "search": "Search pictures and clips for what a prompt asks for.",
        "count": "Count what the pictures of each folder show.",
        "crop": "Cut what a prompt asks for out of pictures.",
        "filter": "Filter pictures by a content policy: allow, flag, blur or move.",
        "edit": "Replace or remove what a prompt names in a picture.",
    },
    "Serve": {
        "run": "Run a node: cameras in, tracked boxes out over ZeroMQ.",
        "ctl": "Control a running node: its prompt, its sources.",
        "page": "Show a node live in the browser, with a prompt to type.",
        "serve": "Answer pictures over HTTP: a picture and a prompt in, boxes out.",
        "listen": "Subscribe to a node: print, store or draw its messages.",
        "bridge": "Pass a node's messages on: to ROS 2, Foxglove, MQTT or a webhook.",
        "keys": "Make keys, and list, allow or revoke a node's clients.",
        "probe": "Show a camera's codec, size, rate, key frames and clock.",
        "check": "Check a settings file and show what it sets.",
    },
    "Calibrate": {
        "calibrate": "Calibrate a camera, its place on a robot and the table.",
    },
    "Record": {
        "record": "Write a node's messages into MCAP files.",
        "replay": "Publish recordings again, or show what they contain.",
        "events": "List and count what a node has stored: events of zones and lines.",
    },
    "Learn": {
        "label": "Turn pictures and clips into a labelled data set.",
        "dataset": "Check, count, convert, merge, split and review data sets.",
        "train": "Train a model on your own pictures.",
    },
    "Measure": {
        "eval": "Measure a model's accuracy against ground truth.",
        "verify": "Compare a model's output with published results.",
        "bench": "Measure speed and memory on this machine, beside transformers.",
        "doctor": "Show what is installed, what is missing, and how to get it.",
    },
}
_LINES = {name: line for commands in _GROUPS.values() for name, line in commands.items()}
_WITH_SUBCOMMANDS = ("train", "eval", "bench", "bridge", "events", "keys", "ctl", "calibrate", "dataset")


class _LazyGroup(TyperGroup):
    """Lists commands without loading them, and loads the one that the command line, or a shell's completion, names."""

    # Any: the context and the commands are typer's own classes or click's, as typer's version has it.
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and get_command(_load(listed.name or "")), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, _LINES))
        for title, commands in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), line) for name, line in commands.items()])


def groundcast_app() -> typer.Typer:
    """The whole command line. Making it loads no command."""
    app = typer.Typer(
        cls=_LazyGroup,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Point it at a camera, say in words what to look for, subscribe to tracked boxes.",
        epilog="groundcast COMMAND --help explains a command.",
        rich_markup_mode=None,  # boxes leave too little room for words in 80 columns
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for name, line in _LINES.items():
        app.command(name, help=line)(_not_loaded)
    return app


def _show_version(given: bool) -> None:
    if given:
        typer.echo(f"groundcast {version('groundcast')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def _not_loaded() -> None:
    raise AssertionError("a command that was only listed was run")


def _load(name: str) -> typer.Typer:
    app = typer.Typer(
        help=_LINES[name],
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    functions = _load_group(name) if name in _WITH_SUBCOMMANDS else {name: _load_command(name)}
    for subcommand, function in functions.items():
        app.command(subcommand)(function)
    return app


def _load_group(name: str) -> Mapping[str, Callable[..., Any]]:
    """The commands below `train`, `eval`, `bench`, `bridge`, `events`, `keys`, `ctl`, `calibrate` or `dataset`."""
    if name in ("bench", "bridge", "ctl", "events", "calibrate", "dataset"):
        return _load_table(name)
    if name == "keys":
        from .keys import allow_client, list_keys, new_keys, revoke_client

        return {"new": new_keys, "allow": allow_client, "revoke": revoke_client, "list": list_keys}
    if name == "train":
        from .train.detector import train_detector
        from .train.masker import train_masker
        from .train.tabletop import train_tabletop
        from .train.words import train_words

        return {
            "tabletop": train_tabletop,
            "detector": train_detector,
            "masker": train_masker,
            "words": train_words,
        }
    from .evaluate.coco import eval_coco, eval_lvis
    from .evaluate.masks import eval_masks
    from .evaluate.odinw import eval_odinw
    from .evaluate.refcoco import eval_refcoco
    from .evaluate.tabletop import eval_tabletop

    return {
        "tabletop": eval_tabletop,
        "coco": eval_coco,
        "lvis": eval_lvis,
        "odinw": eval_odinw,
        "refcoco": eval_refcoco,
        "masks": eval_masks,
    }


def _load_table(name: str) -> Mapping[str, Callable[..., Any]]:
    match name:
        case "bridge":
            from .bridge.commands import COMMANDS
        case "calibrate":
            from .calibrate.commands import COMMANDS
        case "dataset":
            from .label.dataset_commands import COMMANDS
        case "events":
            from .events.commands import COMMANDS
        case "bench":
            from .bench.commands import COMMANDS
        case _:
            from .control.commands import COMMANDS
            from .control.places import COMMANDS as PLACES

            return {**COMMANDS, **PLACES}
    return COMMANDS


def _load_command(name: str) -> Callable[..., Any]:
    match name:
        case "demo":
            from .demo import demo as command
        case "detect":
            from .detect import detect as command
        case "label":
            from .label.label import label as command
        case "record":
            from .record import record as command
        case "replay":
            from .replay import replay as command
        case "verify":
            from .verify.published import verify as command
        case "doctor":
            from .doctor import doctor as command
        case "crop" | "search" | "filter" | "edit" | "count":
            return _load_photo_command(name)
        case _:
            return _load_serving_command(name)
    return command


def _load_photo_command(name: str) -> Callable[..., Any]:
    match name:
        case "crop":
            from .photos.crop import crop as command
        case "search":
            from .photos.search import search as command
        case "count":
            from .photos.count import count as command
        case "edit":
            from .edit.edit import edit as command
        case _:
            from .photos.filter import filter_photos as command
    return command


def _load_serving_command(name: str) -> Callable[..., Any]:
    match name:
        case "run":
            from .run import run as command
        case "listen":
            from .listen import listen as command
        case "page":
            from .page import page as command
        case "serve":
            from .serve import serve as command
        case "probe":
            from .probe import probe as command
        case _:
            from .check import check as command
    return command
