"""`groundcast bridge foxglove`: a node's live view for Foxglove."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict
from typing import Annotated

import typer

from ..exits import InputError
from ..settings.command_options import spread_options
from .node_options import BridgedDetections, bridging


@spread_options
def foxglove(
    connection: BridgedDetections,
    host: Annotated[str, typer.Option(help="The address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to serve on; 0 takes a free one.")] = 8765,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow an address that others can reach: it has no keys.")
    ] = False,
) -> None:
    """Serve a node's pictures, boxes, positions and state to Foxglove, until Ctrl-C."""
    if not insecure and not _is_loopback(host):
        raise InputError(f"--host {host} can be reached by others, and Foxglove's protocol has no keys: say --insecure")
    from ...stream.bridges.foxglove_view import FoxgloveView

    view = FoxgloveView(connection.feed(), host, port)
    if not connection.as_json:
        typer.echo(f"{connection.address} -> ws://{host}:{view.port}: open this connection in Foxglove (Ctrl-C ends)")
    with bridging() as stop:
        view.run(stop)
    figures = asdict(view.figures)
    typer.echo(json.dumps(figures) if connection.as_json else f"{view.figures.received} messages passed on")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
