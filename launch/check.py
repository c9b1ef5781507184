"""`groundcast check`: validates a settings file and shows what it sets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ..model.prompt import Prompt, PromptError
from ..stream.capture.open_source import check_source
from ..stream.control.source_settings import Place, SourceSettings
from ..stream.sockets.allow_list import allowed
from ..stream.sockets.key_files import read_node_pair
from .settings.settings import NodeSettings, PublishSettings
from .settings.settings_file import SettingsError, Where, read_values, validated


def check(
    file: Annotated[Path, typer.Argument(help="A settings file in YAML.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a settings file and show what it sets, without loading weights or opening a camera."""
    values, where = read_values(file, os.environ)
    settings = validated(values, where)
    for source in settings.to_options().sources:
        check_source(source)
    if settings.publish.keys is not None:
        read_node_pair(settings.publish.keys)
    plan = _plan(settings, _words(settings, where))
    if as_json:
        typer.echo(json.dumps(plan))
        return
    typer.echo(f"{file} is valid. It runs this node:")
    for key, lines in plan.items():
        for line in lines:
            typer.echo(f"  {key:<10}{line}")


def _words(settings: NodeSettings, where: Where) -> str:
    """Which words the model knows; checks the prompts against them where the model's description lists them.

    Raises:
        SettingsError: a prompt asks for what the model was not trained on.
        CheckpointError: there are no weights where the settings name them.
    """
    from ..model.weights.hub import is_hub_name

    name = settings.model.name
    if is_hub_name(name) and not Path(name).exists():
        return "not checked: the model is fetched when the node starts"
    from ..model.dino.tokenizer import Tokenizer
    from ..model.runtime.prompt_cache import check_words
    from ..model.weights.checkpoint import find_checkpoint, read_checkpoint

    path = find_checkpoint(name, offline=True)
    if not (path.suffix == ".safetensors" and path.with_suffix(".json").is_file()):
        return "not checked: published weights take any English words"
    described = read_checkpoint(path)
    tokenizer, known = Tokenizer(described.vocabulary), described.known_wordings
    own = {("sources", row, "prompt"): one.to_options().prompt for row, one in enumerate(settings.sources)}
    prompts: dict[Place, Prompt | None] = {("prompt",): settings.to_prompt(), **own}
    for place, prompt in prompts.items():
        try:
            check_words(prompt or settings.to_prompt(), described.config.name, known, tokenizer)
        except PromptError as error:
            raise SettingsError(f"{where(place)}{error}") from error
    return "any English words" if known is None else "the model knows all words of the prompts"


def _source(source: SourceSettings) -> str:
    """A source, and its settings that differ from the node's."""
    options = source.to_options()
    area = "" if source.roi_xyxy is None else f"{' '.join(map(str, source.roi_xyxy))} px of its picture only"
    said = [
        "" if options.prompt is None else f"looks for {' . '.join(options.prompt.names)}",
        "" if source.threshold is None else f"threshold {source.threshold:g}",
        "" if source.target_hz is None else f"{source.target_hz:g} pictures a second at most",
        area,
        "" if source.size_px is None else f"at {source.size_px} px",
        "key frames only" if source.key_frames_only else "",
    ]
    return ", ".join([f"{source.name}: {source.url}", *(one for one in said if one)])


def _plan(settings: NodeSettings, words: str) -> dict[str, list[str]]:
    model, tracker, prompt = settings.model, settings.tracker, settings.to_prompt()
    size = "at the size it was trained for" if model.size_px is None else f"at {model.size_px} px"
    return {
        "node": [settings.node],
        "sources": [_source(source) for source in settings.sources] or ["none yet"],
        "looks for": [_phrase(p.name, p.wordings, p.threshold, p.negative) for p in prompt.phrases],
        "words": [words],
        "model": [f"{model.name} on {model.device}, {size}, threshold {model.threshold:g}"],
        "publishes": [f"{settings.publish.address}{_clients_text(settings.publish)}"],
        "health": [f"http://{settings.health.address}" if settings.health.address else "no HTTP pages"],
        "page": [
            f"http{'s' if settings.page.tls_key else ''}://{settings.page.address}"
            if settings.page.address
            else "no page"
        ],
        "control": [_control(settings)],
        "tracks": [
            f"by {tracker.kind}, kept {tracker.coast_s:g} s without a detection, confirmed after {tracker.confirm_hits}"
        ],
        "stale": [f"after {settings.stale_after_ms:g} ms"],
    }


def _phrase(name: str, wordings: tuple[str, ...], threshold: float | None, negative: bool) -> str:
    described = "" if wordings == (name.lower(),) else f", described as {' / '.join(wordings)}"
    minimum = "" if threshold is None else f", threshold {threshold:g}"
    return f"{name}{described}{minimum}{', not reported' if negative else ''}"


def _control(settings: NodeSettings) -> str:
    options = settings.to_control(lambda node: f"a socket file of this user's own, {node}.control")
    if options is None:
        return "takes no requests"
    if options.keys is None:
        return f"{options.address}{' (open to others, without keys)' if options.insecure else ''}"
    clients = [name for name, may in allowed(options.keys).items() if "control" in may]
    return f"{options.address} (for {', '.join(clients) or 'no client yet'}, by the same keys)"


def _clients_text(publish: PublishSettings) -> str:
    if publish.keys is None:
        return " (open to others, without keys)" if publish.insecure else ""
    clients = [name for name, may in allowed(publish.keys).items() if "watch" in may]
    return f" (to {', '.join(clients) or 'no client yet'}, by the keys in {publish.keys})"
