"""`groundcast check`: reads a settings file and says what it would do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ..stream.allow_list import allowed
from ..stream.key_files import read_node_pair
from ..stream.reader import check_source
from .settings import NodeSettings, PublishSettings
from .settings_file import read_settings


def check(
    file: Annotated[Path, typer.Argument(help="A settings file in YAML.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read a settings file and say what it would do, without loading a model or opening a camera."""
    settings = read_settings(file, os.environ)
    for source in settings.to_options().sources:
        check_source(source)
    if settings.publish.keys is not None:
        read_node_pair(settings.publish.keys)
    plan = _plan(settings)
    if as_json:
        typer.echo(json.dumps(plan))
        return
    typer.echo(f"{file} is fine. It would run this node:")
    for key, lines in plan.items():
        for line in lines:
            typer.echo(f"  {key:<10}{line}")


def _plan(settings: NodeSettings) -> dict[str, list[str]]:
    model, tracker, prompt = settings.model, settings.tracker, settings.to_prompt()
    size = "at the size it was trained for" if model.size_px is None else f"at {model.size_px} px"
    return {
        "node": [settings.node],
        "sources": [f"{source.name}: {source.url}" for source in settings.sources] or ["none yet"],
        "looks for": [_phrase(p.name, p.wordings, p.threshold, p.negative) for p in prompt.phrases],
        "model": [f"{model.name} on {model.device}, {size}, scores from {model.threshold:g} on"],
        "publishes": [f"{settings.publish.address}{_to_whom(settings.publish)}"],
        "health": [f"told on http://{settings.health.address}" if settings.health.address else "not told over HTTP"],
        "control": [_control(settings)],
        "tracks": [f"kept {tracker.coast_s:g} s unseen, sure after {tracker.confirm_hits} sightings"],
        "stale": [f"after {settings.stale_after_ms:g} ms"],
    }


def _phrase(name: str, wordings: tuple[str, ...], threshold: float | None, negative: bool) -> str:
    asked = "" if wordings == (name.lower(),) else f", asked as {' / '.join(wordings)}"
    least = "" if threshold is None else f", from {threshold:g} on"
    return f"{name}{asked}{least}{', not reported' if negative else ''}"


def _control(settings: NodeSettings) -> str:
    options = settings.to_control(lambda node: f"a socket file of this user's own, {node}.control")
    if options is None:
        return "takes no requests"
    if options.keys is None:
        return f"{options.address}{' (open to others, without keys)' if options.insecure else ''}"
    clients = [name for name, may in allowed(options.keys).items() if "control" in may]
    return f"{options.address} (for {', '.join(clients) or 'nobody yet'}, by the same keys)"


def _to_whom(publish: PublishSettings) -> str:
    if publish.keys is None:
        return " (open to others, without keys)" if publish.insecure else ""
    clients = [name for name, may in allowed(publish.keys).items() if "watch" in may]
    return f" (to {', '.join(clients) or 'nobody yet'}, by the keys in {publish.keys})"
