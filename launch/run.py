"""`groundcast run`: a node, from a settings file or from flags."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..stream.control.source_settings import SourceDefaults
from ..stream.options import FolderKind, Pace
from .exits import InputError, RunError
from .log_setup import log_as_json
from .node.node import Addresses, NodeRun, process_age_s, run_node
from .node.page_process import PageProcess, check_page
from .service.malloc import tidy_heap
from .settings.command_options import spread_options
from .settings.settings import LogSettings, ModelSettings, NodeSettings, PublishSettings, is_map
from .settings.settings_file import read_values, validated
from .settings.sources import named_sources
from .show.message_table import MessageTable
from .standard_streams import outlive_reader

_LOG = logging.getLogger(__name__)
# Defaults, for the help.
_MODEL, _PUBLISH = ModelSettings(), PublishSettings()
_NODE, _PACE, _LOG_FORMAT = (
    str(section.model_fields[key].default)
    for section, key in ((NodeSettings, "node"), (SourceDefaults, "pace"), (LogSettings, "format"))
)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of the command line; None, or False, for those not given."""

    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]URL",
            help="A path, rtsp://, http://, /dev/video0, push: or lavfi:; may be given again.",
        ),
    ] = None
    prompt: Annotated[str | None, typer.Option(help="What to look for: 'red mug . blue cube'.")] = None
    model: Annotated[
        str | None, typer.Option(help="A model's name, or the path of its weights.", show_default=_MODEL.name)
    ] = None
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:1.", show_default=_MODEL.device)] = None
    size: Annotated[
        int | None,
        typer.Option(help="Short side of the network's input for a 4:3 picture, px.", show_default="as trained"),
    ] = None
    threshold: Annotated[
        float | None, typer.Option(help="The minimum score, 0..1.", show_default=f"{_MODEL.threshold:g}")
    ] = None
    offline: Annotated[
        bool | None, typer.Option("--offline", help="Take published models only from the local cache.")
    ] = None
    address: Annotated[str | None, typer.Option(help="Where to publish.", show_default=_PUBLISH.address)] = None
    keys: Annotated[Path | None, typer.Option(help="Accept only clients allowed in this folder of keys.")] = None
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="Allow an address others can reach, without keys.")
    ] = None
    control: Annotated[
        str | None, typer.Option(help="Where to take requests. Default: a socket file that only this user can open.")
    ] = None
    no_control: Annotated[bool | None, typer.Option("--no-control", help="Take no requests.")] = None
    node: Annotated[str | None, typer.Option(help="The node's name, part of every topic.", show_default=_NODE)] = None
    pace: Annotated[Pace | None, typer.Option(help="How fast files are read.", show_default=_PACE)] = None
    stream: Annotated[
        int | None, typer.Option(help="The video stream's index, as ffprobe counts, where a source has several.", min=0)
    ] = None
    folder: Annotated[
        FolderKind | None,
        typer.Option(help="What a folder holds: unrelated pictures, or a video's frames."),
    ] = None
    health: Annotated[
        str | None, typer.Option(help="Where to serve /metrics, /healthz and /readyz, such as 127.0.0.1:9108.")
    ] = None
    page: Annotated[str | None, typer.Option(help="Where to show the node in the browser, such as 127.0.0.1:8080.")] = (
        None
    )
    log_format: Annotated[
        Literal["text", "json"] | None,
        typer.Option(help="json: one JSON object per line, on stderr.", show_default=_LOG_FORMAT),
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the ready line.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object of figures.")] = False

    @property
    def flags(self) -> dict[str, Any]:
        """The options in the form of a settings file, with None for those not given."""
        sources = named_sources(self.source or [])
        return {
            "node": self.node,
            "prompt": self.prompt,
            "model": {
                "name": self.model,
                "device": self.device,
                "size_px": self.size,
                "threshold": self.threshold,
                "offline": self.offline,
            },
            "publish": {"address": self.address, "keys": self.keys, "insecure": self.insecure},
            "control": {"address": self.control, "enabled": False if self.no_control else None},
            "health": {"address": self.health},
            "page": {"address": self.page},
            "log": {"format": self.log_format},
            "defaults": {"pace": self.pace, "stream": self.stream, "folder": self.folder},
            "sources": [{"name": name, "url": url} for name, url in sources.items()] or None,
        }


@spread_options
def run(
    options: RunOptions,
    file: Annotated[Path | None, typer.Argument(help="A settings file in YAML; options override it.")] = None,
) -> None:
    """Run a node: cameras in, tracked boxes out over ZeroMQ. Ends with its sources, or on Ctrl-C."""
    outlive_reader()
    flags, as_json = options.flags, options.as_json
    if options.log_format == "json":  # so that errors are JSON too
        log_as_json(options.node or "groundcast")
    settings = read_flags(file, flags)
    is_logged = settings.log.format == "json"
    if is_logged:
        log_as_json(settings.node)
    print_line = _LOG.info if is_logged else _print
    silent = options.quiet or as_json or is_logged
    with ExitStack() as stack:
        stack.enter_context(tidy_heap())
        board = stack.enter_context(MessageTable(f"loading {settings.model.name}", silent=silent))
        reread = None if file is None else lambda: read_flags(file, flags)
        check_page(settings)

        def ready(at: Addresses) -> None:
            _say_ready(at, board, print_line, as_json=as_json)
            if settings.page.address is not None:
                stack.enter_context(PageProcess(settings.page, at.published, at.control))

        ended = run_node(settings, ready, board.show, reread)
    _report(ended, print_line, as_json=as_json)


def read_flags(file: Path | None, flags: Mapping[str, Any]) -> NodeSettings:
    """Settings from a file, from flags, or from both.

    Args:
        file: its settings hold where no flag is given.
        flags: in the form of a settings file; None for a flag that was not given.

    Raises:
        SettingsError, InputError: a setting is wrong, or there is no source or no prompt.
    """
    if file is not None:
        values, where = read_values(file, os.environ)
        return validated(_over(values, flags), where)
    values = _over({}, flags)
    if "sources" not in values:
        raise InputError("no source: name a settings file, or --source with a path or a camera's URL")
    if "prompt" not in values:
        raise InputError("no prompt: write --prompt 'red mug . blue cube'")
    return validated(values, lambda _place: "")


def _over(values: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """`values` overridden by every flag that was given."""
    merged = dict(values)
    for key, flag in flags.items():
        given = {name: value for name, value in flag.items() if value is not None} if is_map(flag) else flag
        if given is None or given == {}:
            continue
        below = merged.get(key)
        if key == "model" and isinstance(below, str):
            below = {"name": below}
        merged[key] = {**below, **given} if is_map(given) and is_map(below) else given
        if key == "defaults" and isinstance(merged.get("sources"), list):  # they override each source's own, too
            merged["sources"] = [{**one, **given} if is_map(one) else one for one in merged["sources"]]
    return merged


def _print(text: str) -> None:
    print(text, flush=True)


def _say_ready(at: Addresses, board: MessageTable, print_line: Callable[[str], None], *, as_json: bool) -> None:
    board.waiting = "waiting for the first picture"
    seconds = round(process_age_s(), 2)
    if as_json:
        known = {"address": at.published, "control": at.control, "seconds": seconds}
        _print(json.dumps({"ready": {key: value for key, value in known.items() if value is not None}}))
        return
    told = f"ready after {seconds:.1f} s, publishing on {at.published} (groundcast listen {at.published})"
    if at.control is not None:
        told += f", taking requests on {at.control} (groundcast ctl)"
    print_line(told)


def _report(run: NodeRun, print_line: Callable[[str], None], *, as_json: bool) -> None:
    sources = run.summary.sources
    figures = {
        "frames": sum(source.frames for source in sources),
        "messages": sum(source.messages for source in sources),
        "dropped": sum(source.dropped for source in sources),
        "seconds": round(max((source.seconds for source in sources), default=0.0), 3),
        "fps": round(sum(source.fps for source in sources), 2),
    }
    if as_json:
        _print(json.dumps({**figures, "sources": {source.name: asdict(source) for source in sources}}))
    else:
        for source in sources:
            print_line(
                f"{source.name}: {source.frames} frames, {source.messages} messages, {source.dropped} dropped, "
                f"{source.fps:.1f} a second"
            )
    errors = [f"source {source.name}: {source.error}" for source in sources if source.error]
    if errors and not run.stopped:
        raise RunError("; ".join(errors))
