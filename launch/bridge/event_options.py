"""Options that the bridges of events share: which events, where they wait, and secrets that no command line shows."""

from __future__ import annotations

import ipaddress
import os
import ssl
import stat
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import typer

from ...stream.bridges.disk_queue import QueueBounds
from ...stream.event import EventKind
from ..exits import InputError
from .node_options import BridgedNode

_MAX_SECRET_BYTES = 4096


@dataclass(frozen=True, slots=True)
class BridgedEvents(BridgedNode):
    """The node whose events a bridge passes on, which of them, and where they wait."""

    kind: Annotated[
        list[str] | None, typer.Option(help="Only events of this kind, such as cross; may be given again.")
    ] = None
    queue: Annotated[
        Path | None,
        typer.Option(help="The file in which events wait. Default: one below ~/.local/state/groundcast."),
    ] = None
    queue_events: Annotated[int, typer.Option(min=1, help="Beyond this many waiting events the oldest go.")] = 100_000
    queue_mb: Annotated[float, typer.Option(min=0.1, help="Beyond this size the oldest waiting events go.")] = 200.0
    ca: Annotated[
        Path | None, typer.Option(help="Trust the authorities in this PEM file alone, instead of the system's.")
    ] = None
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow a connection to another machine that is not encrypted.")
    ] = False

    def kinds(self) -> list[EventKind] | None:
        """The kinds of events; None for all.

        Raises:
            InputError: an unknown kind.
        """
        known: tuple[EventKind, ...] = get_args(EventKind)
        wrong = [name for name in self.kind or () if name not in known]
        if wrong:
            raise InputError(f"--kind {wrong[0]} is no kind of event: there are {', '.join(known)}")
        return None if self.kind is None else [name for name in known if name in self.kind]

    def bounds(self) -> QueueBounds:
        return QueueBounds(self.queue_events, int(self.queue_mb * 1e6))

    def queue_path(self, bridge: str, where: str) -> Path:
        """The queue's file; by default one for each pair of bridge and receiver."""
        if self.queue is not None:
            return self.queue
        state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(state).expanduser() / "groundcast" / f"{bridge}-{zlib.crc32(where.encode()):08x}.queue"

    def tls(self) -> ssl.SSLContext:
        """How the server's certificate is checked.

        Raises:
            InputError: the file cannot be read, or holds no certificates.
        """
        try:
            return ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificate"
            raise InputError(f"--ca {self.ca} cannot be used ({reason}): give a PEM file of certificates") from error


def check_encrypted(host: str, *, is_encrypted: bool, insecure: bool, instead: str) -> None:
    """Refuse to send to another machine in plain text unless the user says so.

    Raises:
        InputError: not encrypted, not this machine, and not --insecure.
    """
    if not (is_encrypted or insecure or is_this_machine(host)):
        raise InputError(f"{host} would get everything unencrypted: give {instead}, or say --insecure")


def is_this_machine(host: str) -> bool:
    """Whether a host is reached over the loopback interface."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret(variable: str, file: Path | None, environment: Mapping[str, str]) -> str | None:
    """A password or key from a file, else from the environment, never from the command line, which others can see.

    Raises:
        InputError: the file cannot be read, is empty, or other users can read it.
    """
    if file is None:
        return environment.get(variable) or None
    try:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(f"{file} can be read by other users: chmod 600 {file}")
        text = file.read_bytes()[: _MAX_SECRET_BYTES + 1].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as a text: name the file with the secret") from error
    if not text.strip() or len(text) > _MAX_SECRET_BYTES:
        raise InputError(f"{file} holds no secret: it must be 1 to {_MAX_SECRET_BYTES} bytes")
    return text.strip()
