"""Listening sockets: made and kept here, and lent to libzmq (ZMQ_USE_FD) each time that it binds.

When libzmq binds by itself it lists all network interfaces, and aborts the process where no descriptor is left for
that. A listening socket that it is given needs none, and no other program can take the address in between.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
import threading
from pathlib import Path

from .endpoint import Endpoint

_BACKLOG = 100  # connections that wait in the kernel, as libzmq has it
_SIOCGIFADDR = 0x8915
_UMASK_LOCK = threading.Lock()  # the umask belongs to the process, and several readers may bind at once


class Listening:
    """A socket that listens at an endpoint until it is closed.

    Args:
        endpoint: with port 0 the system chooses one.

    Attributes:
        address: what others connect to, as a ZeroMQ address.
        port: of TCP; None for a socket file.

    Raises:
        OSError: the endpoint is in use, or cannot be had; `errno` says why.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._file = Path(endpoint.place) if endpoint.transport == "ipc" else None
        self.socket = _listen_ipc(endpoint.place) if self._file else _listen_tcp(endpoint)
        self.socket.setblocking(False)  # a connection may be gone again before libzmq accepts it
        self.port: int | None = None if self._file else self.socket.getsockname()[1]
        self.address = _address(self.socket, endpoint)

    def lend(self) -> int:
        """Give the descriptor away, and keep a duplicate. The borrower closes it.

        Raises:
            OSError: no descriptor is left; then nothing has changed.
        """
        kept = socket.fromfd(self.socket.fileno(), self.socket.family, self.socket.type)
        lent, self.socket = self.socket, kept
        return lent.detach()

    def close(self) -> None:
        """Release the address. Twice does no harm."""
        if self._file is not None and self.socket.fileno() >= 0:
            with contextlib.suppress(OSError):
                self._file.unlink()
        self.socket.close()


def _listen_tcp(endpoint: Endpoint) -> socket.socket:
    family = socket.AF_INET6 if endpoint.is_ipv6 else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if endpoint.is_ipv6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        _bind_tcp(listening, endpoint)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _bind_tcp(listening: socket.socket, endpoint: Endpoint) -> None:
    """Bind to '*', to one of our interfaces by its name, or to a host."""
    port = endpoint.port or 0
    if endpoint.place == "*":
        listening.bind(("0.0.0.0", port))
    elif endpoint.place in {name for _, name in socket.if_nameindex()}:
        request = struct.pack("16s24x", endpoint.place.encode())
        listening.bind((socket.inet_ntoa(fcntl.ioctl(listening, _SIOCGIFADDR, request)[20:24]), port))
    else:
        try:
            found = socket.getaddrinfo(endpoint.place, port, listening.family, listening.type)
        except socket.gaierror as error:
            raise OSError(errno.ENODEV, "no such host or interface") from error
        listening.bind(found[0][4])


def _listen_ipc(path: str) -> socket.socket:
    _remove_stale_file(Path(path))
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _UMASK_LOCK:
            before = os.umask(0o177)  # other users must never be able to open the socket, not even until a chmod
            try:
                listening.bind(path)
            finally:
                os.umask(before)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_stale_file(path: Path) -> None:
    """Remove the socket file of a program that has ended."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "not a socket", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "in use", str(path))


def _address(listening: socket.socket, endpoint: Endpoint) -> str:
    if endpoint.transport == "ipc":
        return f"ipc://{endpoint.place}"
    host, port, *_ = listening.getsockname()
    return f"tcp://[{host}]:{port}" if endpoint.is_ipv6 else f"tcp://{host}:{port}"
