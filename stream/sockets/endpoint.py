"""Endpoints: ZeroMQ addresses taken apart, and whether other hosts can reach them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..source_url import redact

_TCP = re.compile(r"tcp://(\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:/;\s]+):(\d{1,5}|\*)")
_MAX_PATH_BYTES = 107  # bytes that fit into a UNIX socket's address


class AddressError(ValueError):
    """Not an address that can be used; the text shows the right form."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address taken apart.

    Args:
        transport: tcp or ipc.
        place: the host without brackets, or the path of the socket file.
        port: None for ipc; 0 lets the system choose.
    """

    transport: Literal["tcp", "ipc"]
    place: str
    port: int | None = None

    @property
    def is_ipv6(self) -> bool:
        return self.transport == "tcp" and ":" in self.place

    @property
    def is_local(self) -> bool:
        """Whether only programs on this host can reach it."""
        if self.transport == "ipc" or self.place == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.place).is_loopback
        except ValueError:  # a name or '*': it may lead anywhere
            return False


def parse_endpoint(address: str) -> Endpoint:
    """Take tcp://host:port or ipc:///path/to/socket apart.

    Raises:
        AddressError: another transport, no port, a port beyond 65535, an empty or overlong path.
    """
    if address.startswith("ipc://"):
        return Endpoint("ipc", str(_socket_path(address)))
    match = _TCP.fullmatch(address)
    if match is None:
        raise AddressError(
            f"address {redact(address)!r} must look like tcp://127.0.0.1:5570 or ipc:///run/groundcast.sock"
        )
    port = 0 if match[2] == "*" else int(match[2])
    if port > 65535:
        raise AddressError(f"address {redact(address)!r} has port {port}: ports end at 65535")
    return Endpoint("tcp", match[1].strip("[]"), port)


def _socket_path(address: str) -> Path:
    path = address.removeprefix("ipc://")
    if not path or path[0] in "@*":  # abstract sockets have no file, and so no permissions
        raise AddressError(
            f"address {redact(address)!r} needs the path of a socket file, as in ipc:///run/groundcast.sock"
        )
    if "\0" in path or len(path.encode("utf-8", "surrogateescape")) > _MAX_PATH_BYTES:
        raise AddressError(
            f"address {redact(address)[:40]!r}... has a path of more than {_MAX_PATH_BYTES} bytes: choose a shorter one"
        )
    return Path(path)
