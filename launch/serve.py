"""`groundcast serve`: pictures over HTTP, in the server's own shape and in those of other tools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import InputError
from .node.load_detector import load_detector
from .settings.command_options import spread_options
from .settings.settings import ModelSettings
from .settings.settings_file import checked
from .standard_streams import outlive_reader
from .web.web_options import WebOptions

if TYPE_CHECKING:
    from ..model.detector import Detector
    from .api.detection_service import DetectionService
    from .api.picture_fetch import PictureFetch


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Which models answer, and where."""

    model: Annotated[
        list[str] | None,
        typer.Option(help="A model that requests may name; give it again for more. The first is the default."),
    ] = None
    address: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen.")] = "127.0.0.1:8000"
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda' or 'cuda:1'.")] = "auto"
    offline: Annotated[bool, typer.Option("--offline", help="Take published weights from the local cache alone.")] = (
        False
    )
    memory_gb: Annotated[
        float | None, typer.Option(help="Memory for all models; the least recently used is unloaded for another.")
    ] = None
    max_waiting: Annotated[int, typer.Option(min=1, max=10_000, help="Pictures that may wait for each model.")] = 256
    fetch_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL", help="A server that pictures may be fetched from: http://host:port. Default: none."
        ),
    ] = None
    label_studio: Annotated[
        str | None, typer.Option(metavar="URL", help="The Label Studio whose pictures are fetched: http://host:port.")
    ] = None
    label_studio_token: Annotated[Path | None, typer.Option(help="A file with that Label Studio's access token.")] = (
        None
    )
    as_json: Annotated[bool, typer.Option("--json", help="Print the ready line as one JSON object.")] = False


@spread_options
def serve(options: ServeOptions, web: WebOptions) -> None:
    """Answer requests over HTTP: a picture and a prompt in, boxes out. Ends on Ctrl-C."""
    from .api.api_app import api_app
    from .api.label_studio import LabelStudio
    from .web.http_server import bind_web_socket, run_web_server, url_of

    outlive_reader()
    access = web.access(options.address)
    studio = LabelStudio(_fetch(options), options.label_studio)
    names = options.model or ["tabletop"]
    settings = {name: _settings(name, options) for name in names}
    with bind_web_socket(access) as listener:
        url = url_of(access, listener)
        if options.as_json:
            print(json.dumps({"ready": {"url": url}}), flush=True)
        else:
            print(f"answering at {url}, described at {url}/docs", flush=True)
        app = api_app(access, lambda: _service(settings, options), studio)
        run_web_server(app, access, listener)


def _settings(name: str, options: ServeOptions) -> ModelSettings:
    return checked(ModelSettings, {"name": name, "device": options.device, "offline": options.offline})


def _service(settings: dict[str, ModelSettings], options: ServeOptions) -> DetectionService:
    from ..model.runtime.postprocess import ReportRules
    from .api.detection_service import DetectionService
    from .api.model_pool import ModelPool

    def load(name: str) -> Detector:
        return load_detector(settings[name])

    max_bytes = None if options.memory_gb is None else int(options.memory_gb * 1e9)
    pool = ModelPool(list(settings), load, options.max_waiting, max_bytes)
    usual = next(iter(settings.values()))
    return DetectionService(
        pool,
        ReportRules(
            threshold=usual.threshold,
            score_rule=usual.score_rule,
            nms_iou=usual.nms_iou,
            agnostic_nms=usual.agnostic_nms,
        ),
    )


def _fetch(options: ServeOptions) -> PictureFetch:
    from .api.picture_fetch import PictureFetch

    servers = [*(options.fetch_from or ()), *([options.label_studio] if options.label_studio else ())]
    for server in servers:
        if not server.startswith(("http://", "https://")) or server.count("/") > 2:
            raise InputError(f"{server} is no server: write http://host:port")
    tokens: dict[str, str] = {}
    if options.label_studio_token is not None:
        if options.label_studio is None:
            raise InputError("--label-studio-token goes with --label-studio URL")
        tokens[options.label_studio] = f"Token {_token(options.label_studio_token)}"
    return PictureFetch(frozenset(servers), tokens)


def _token(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise InputError(f"{path} can be read by others: chmod 600 {path}")
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: name a file with the token") from error
