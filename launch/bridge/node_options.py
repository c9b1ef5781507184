"""Options that all bridges share: which node, which sources, and how to reach the node's control socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from ...stream.bridges.feed import FeedOptions
from ...stream.bridges.prompt_requests import PromptRequests
from ...stream.sockets.client_keys import Keys
from ...stream.sockets.connect import ConnectError
from ...stream.sockets.key_files import KeyFileError
from ...stream.subscriber import SubscriberError
from ..exits import InputError, running
from ..node.runtime_folder import running_nodes
from ..node.signals import stop_on_signals
from ..settings.key_option import KeysOption
from ..standard_streams import outlive_reader

AUTO = "auto"
ControlOption = Annotated[
    str | None,
    typer.Option(
        "--control",
        metavar="ADDRESS",
        help=f"Take prompts, and send them to this control socket; '{AUTO}': of the one node that runs here.",
    ),
]


@dataclass(frozen=True, slots=True)
class BridgedNode:
    """The node that a bridge subscribes to."""

    address: Annotated[str, typer.Option(help="Where the node publishes.")] = "tcp://127.0.0.1:5570"
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this source; may be given again.")] = (
        None
    )
    node: Annotated[str | None, typer.Option(help="Only this node.")] = None
    keys: KeysOption = None
    until_ended: Annotated[bool, typer.Option("--until-ended", help="Stop when every source has ended.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object of figures.")] = False

    def feed(self) -> FeedOptions:
        """What the bridge receives."""
        return FeedOptions(self.address, self.source, self.node, self.keys, None, self.until_ended)


@dataclass(frozen=True, slots=True)
class BridgedDetections(BridgedNode):
    """The node whose detections a bridge passes on."""

    max_age_ms: Annotated[
        float | None, typer.Option(help="Pass on no message whose picture is older, or of unknown age.")
    ] = None

    def feed(self) -> FeedOptions:
        """What the bridge receives."""
        return replace(BridgedNode.feed(self), max_age_ms=self.max_age_ms)


@contextmanager
def bridging() -> Generator[Callable[[], bool]]:
    """Run a bridge in this block: gives the function that says whether to stop."""
    outlive_reader()
    with stop_on_signals(hangup=True) as stop, running(SubscriberError, ConnectError, KeyFileError):
        yield stop.is_set


def prompt_requests(control: str | None, keys: Keys | None) -> PromptRequests | None:
    """What sends prompts to the node's control socket; None without one.

    Raises:
        InputError: no node, or several, run here.
        ConnectError, KeyFileError: the address or the keys cannot be used.
    """
    if control is None:
        return None
    if control != AUTO:
        return PromptRequests(control, keys)
    found = running_nodes(os.environ)
    if len(found) != 1:
        names = f"several nodes run here ({', '.join(sorted(found))})" if found else "no node of this user runs here"
        raise InputError(f"--control {AUTO}: {names}: give the control socket's address")
    return PromptRequests(next(iter(found.values())), keys)
