"""Binding a socket to an address that only those can reach who should."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import threading
import time
from pathlib import Path

import zmq

from .endpoint import AddressError, Endpoint, parse_endpoint
from .gate import Gate

_LOG = logging.getLogger(__name__)
_FREE_WITHIN_S = 2.0
_ONE_AT_A_TIME = threading.Lock()  # the umask is the process's, and several readers may bind at once


class BindError(OSError):
    """The address cannot be used; one sentence says why and what to do."""


def bind(server: zmq.Socket[bytes], address: str, insecure: bool, gate: Gate | None = None) -> str:
    """Bind, and tell the address that others connect to: with port 0 or '*' the one that was chosen.

    Loopback addresses and socket files (for this user alone) need no gate. Others do, unless `insecure`, which is
    logged.

    Args:
        server: not bound yet.
        address: a ZeroMQ address.
        insecure: let everybody in, wherever the address can be reached from.
        gate: lets in only those whose keys are allowed.

    Raises:
        BindError: a bad, busy or forbidden address, or one that others can reach.
    """
    try:
        endpoint = parse_endpoint(address)
    except AddressError as error:
        raise BindError(str(error)) from error
    if gate is not None:
        if insecure:
            raise BindError(f"address {address} has keys and is insecure as well: leave one of them out")
        gate.guard(server)
    elif not endpoint.is_local:
        _check_allowed(address, insecure)
    server.set(zmq.IPV6, int(endpoint.is_ipv6))
    try:
        if endpoint.transport == "ipc":
            _check_free(Path(endpoint.place))  # ZeroMQ itself would delete whatever lies there
        _bind(server, address)
    except (zmq.ZMQError, OSError) as error:
        raise BindError(_why_not(address, endpoint, error)) from error
    return server.get_string(zmq.LAST_ENDPOINT).rstrip("\0")


def bind_anew(server: zmq.Socket[bytes], address: str) -> None:
    """Drop every connection: ZeroMQ asks about keys at the handshake only, and those still allowed come back.

    They do so by themselves within a fraction of a second; what is sent meanwhile is lost to them.

    Args:
        server: bound.
        address: as `bind` returned it.

    Raises:
        BindError: somebody else took the address in between.
    """
    endpoint = parse_endpoint(address)
    lingered_ms = server.get(zmq.LINGER)
    server.set(zmq.LINGER, 0)  # nothing more for those who are revoked, what is queued included
    server.unbind(address)
    server.set(zmq.LINGER, lingered_ms)
    deadline_s = time.monotonic() + _FREE_WITHIN_S
    while True:
        try:
            _bind(server, address)
            return
        except zmq.ZMQError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline_s:
                raise BindError(_why_not(address, endpoint, error)) from error
            time.sleep(0.002)  # ZeroMQ lets go of it in a thread of its own


def _check_allowed(address: str, insecure: bool) -> None:
    if not insecure:
        raise BindError(
            f"address {address} can be reached by others and has no keys: name a folder of keys (groundcast keys new"
            " node), bind to tcp://127.0.0.1:5570 or to ipc://, or set insecure if everybody there may come in"
        )
    _LOG.warning("%s is insecure: everybody who can reach it is let in, and nothing is encrypted", address)


def _bind(server: zmq.Socket[bytes], address: str) -> None:
    if not address.startswith("ipc:"):
        server.bind(address)
        return
    with _ONE_AT_A_TIME:
        before = os.umask(0o177)  # the socket must never be open to others, not even until a chmod
        try:
            server.bind(address)
        finally:
            os.umask(before)


def _check_free(path: Path) -> None:
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
            return  # left behind by a program that is gone
    raise OSError(errno.EADDRINUSE, "in use", str(path))


def _why_not(address: str, endpoint: Endpoint, error: zmq.ZMQError | OSError) -> str:
    reasons = {
        errno.EADDRINUSE: "is in use by another program: stop it, or choose another one",
        errno.EADDRNOTAVAIL: "does not belong to this machine: bind to one of its own addresses",
        errno.ENODEV: f"names a host or an interface ({endpoint.place}) that cannot be found: use an IP address",
        errno.ENOENT: f"lies in a folder that does not exist: create {Path(endpoint.place).parent}",
        errno.ENOTDIR: f"lies in a folder that does not exist: {Path(endpoint.place).parent} is a file",
        errno.EEXIST: "names a file that is not a socket: choose another path",
        errno.EACCES: "may not be used by this user: choose a port above 1023, or a folder that can be written to",
        errno.EPERM: "may not be used by this user: choose a port above 1023, or a folder that can be written to",
        errno.EROFS: "lies on a file system that cannot be written to: choose another folder",
    }
    return f"address {address} {reasons.get(error.errno or 0, f'cannot be bound: {error}')}"
