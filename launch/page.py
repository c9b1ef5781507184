"""`groundcast page`: a page in the browser that shows a node live, and changes what it looks for."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Annotated

import typer

from ..stream.sockets.endpoint import AddressError, parse_endpoint
from .exits import InputError
from .node.runtime_folder import running_nodes
from .settings.command_options import spread_options
from .settings.key_option import KeysOption
from .standard_streams import outlive_reader
from .web.web_options import WebOptions


@spread_options
def page(
    web: WebOptions,
    address: Annotated[str, typer.Argument(help="Where the node publishes.")] = "tcp://127.0.0.1:5570",
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the browser finds the page.")
    ] = "127.0.0.1:8080",
    control: Annotated[
        str | None, typer.Option(help="The node's control socket. Default: its socket file on this host.")
    ] = None,
    watch_only: Annotated[bool, typer.Option("--watch-only", help="Change nothing: show the node alone.")] = False,
    keys: KeysOption = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model for pictures that a viewer uploads; may be given again.", show_default="tabletop"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ready line as one JSON object.")] = False,
    until_parent_ends: Annotated[bool, typer.Option("--until-parent-ends", hidden=True)] = False,
) -> None:
    """Show a node live in the browser, with a prompt to type. Ends on Ctrl-C.

    The page is a client of the node: it can run on another machine, and cannot slow the node.
    """
    if watch_only and control is not None:
        raise InputError("--watch-only sends no requests: leave --control away")
    from .web.http_server import bind_web_socket, run_web_server, url_of
    from .web.hub import Hub
    from .web.page_app import page_app
    from .web.picture_desk import PictureDesk

    outlive_reader()
    access = web.access(listen)
    find_control = _no_control if watch_only else _control_finder(address, control)
    with bind_web_socket(access) as listener:
        url = url_of(access, listener)
        hub = Hub(address, keys, find_control)
        if until_parent_ends:
            threading.Thread(target=_end_with_parent, name="page-parent", daemon=True).start()
        if as_json:
            print(json.dumps({"ready": {"url": url}}), flush=True)
        else:
            wanted = "" if web.token is None else f" (the token is in {web.token})"
            print(f"the page is at {url}{wanted}", flush=True)
        run_web_server(page_app(access, hub, PictureDesk(model or ["tabletop"])), access, listener)


def _end_with_parent() -> None:
    """End this process once standard input ends: the process that started it is gone."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _no_control(_node: str) -> None:
    return None


def _control_finder(address: str, control: str | None) -> Callable[[str], str | None]:
    """How the control socket of a node is found by its name."""
    try:
        if control is not None:
            parse_endpoint(control)
            return lambda _node: control
        is_local = parse_endpoint(address).is_local
    except AddressError as error:
        raise InputError(str(error)) from error
    return (lambda node: running_nodes(os.environ).get(node)) if is_local else _no_control
