"""`groundcast bridge webhook`: a node's events, posted to a URL."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ...stream.bridges.disk_queue import DiskQueue
from ...stream.bridges.event_bridge import EventBridge
from ...stream.bridges.webhook_sender import WebhookOptions, WebhookSender
from ..exits import InputError
from ..settings.command_options import spread_options
from .event_options import BridgedEvents, check_encrypted, secret
from .mqtt import say_figures
from .node_options import bridging

URL = "GROUNDCAST_WEBHOOK_URL"
SECRET = "GROUNDCAST_WEBHOOK_SECRET"


@dataclass(frozen=True, slots=True)
class WebhookBridgeOptions(BridgedEvents):
    """The node, the events, and how they are posted."""

    secret_file: Annotated[
        Path | None, typer.Option(help=f"The file with the key that signs, instead of {SECRET}.")
    ] = None
    snapshots: Annotated[bool, typer.Option("--snapshots", help="Add the source's newest picture to each event.")] = (
        False
    )


@spread_options
def webhook(
    options: WebhookBridgeOptions,
    url: Annotated[
        str | None, typer.Argument(help=f"Where to post to, https://HOST/PATH. Default: {URL}.", show_default=False)
    ] = None,
) -> None:
    """Post a node's events to a URL as signed JSON, until Ctrl-C."""
    full = url or os.environ.get(URL)
    if not full:
        raise InputError(f"no URL to post to: give one, or set {URL}, which hides it from other users")
    key = secret(SECRET, options.secret_file, os.environ)
    with closing(DiskQueue(options.queue_path("webhook", full), options.bounds())) as queue:
        is_encrypted = full.startswith("https:")
        tls = options.tls() if is_encrypted else None
        sender = WebhookSender(WebhookOptions(full, key.encode() if key else None, tls), queue)
        host = urlsplit(full).hostname or ""
        check_encrypted(host, is_encrypted=is_encrypted, insecure=options.insecure, instead="an https:// URL")
        bridge = EventBridge(options.feed(), queue, sender, options.kinds(), pictures=options.snapshots)
        if not options.as_json:
            signed = "signed" if key else f"not signed: set {SECRET}"
            typer.echo(f"{options.address} -> {sender.place}, {signed} (Ctrl-C ends)")
        with bridging() as stop:
            bridge.run(stop)
        waiting = len(queue)
    say_figures(bridge, waiting, as_json=options.as_json)
