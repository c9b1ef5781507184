"""Binding a socket to an address that only those can reach who should."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import zmq

from .endpoint import AddressError, Endpoint, parse_endpoint
from .listening import Listening
from .zap_auth import ZapAuth

_LOG = logging.getLogger(__name__)
_HANDSHAKE_WITHIN_MS = 5000


class BindError(OSError):
    """The address cannot be used; one sentence says why and what to do."""


class Binding:
    """A socket that is bound to an address, and can be so anew. For the socket's own thread.

    Attributes:
        address: what others connect to; with port 0 or '*' the port that was chosen.

    Raises:
        OSError: no descriptor is free.
    """

    def __init__(self, server: zmq.Socket[bytes], listening: Listening, gate: ZapAuth | None) -> None:
        self._server = server
        self._listening = listening
        self._gate = gate
        self._is_bound = False
        self._bind()
        if not self._is_bound:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self.address = server.get_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def look(self) -> None:
        """Drop every connection if the gate says that a client among them was revoked.

        Raises:
            GateError: the gate has failed.
        """
        if self._gate is not None and self._gate.must_bind_anew():
            self.renew()
        elif not self._is_bound:
            self._bind()

    def renew(self) -> None:
        """Drop every connection: ZeroMQ asks about keys at the handshake only, and those still allowed come back.

        They do so by themselves within a fraction of a second; what is sent meanwhile is lost to them. Where no
        descriptor is free to listen with, they are let in again by a later `look` that finds one.
        """
        if self._is_bound:
            lingered_ms = self._server.get(zmq.LINGER)
            self._server.set(zmq.LINGER, 0)  # nothing more for those who are revoked, what is queued included
            self._server.unbind(self.address)
            self._server.set(zmq.LINGER, lingered_ms)
            self._is_bound = False
        self._bind()

    def close(self) -> None:
        """Let go of the address. Twice does no harm."""
        self._listening.close()

    def _bind(self) -> None:
        try:
            descriptor = self._listening.lend()
        except OSError:
            if self._gate is not None:
                self._gate.remind()
            return
        self._server.set(zmq.USE_FD, descriptor)
        self._server.bind(self._listening.address)
        self._is_bound = True


def bind(server: zmq.Socket[bytes], address: str, insecure: bool, gate: ZapAuth | None = None) -> Binding:
    """Bind to an address.

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
    if gate is not None and insecure:
        raise BindError(f"address {address} has keys and is insecure as well: leave one of them out")
    if gate is None and not endpoint.is_local:
        _check_allowed(address, insecure)
    server.set(zmq.IPV6, int(endpoint.is_ipv6))
    server.set(zmq.HANDSHAKE_IVL, _HANDSHAKE_WITHIN_MS)
    try:
        listening = Listening(endpoint)
    except OSError as error:
        raise BindError(_why_not(address, endpoint, error)) from error
    try:
        if gate is not None:
            gate.guard(server, listening.port)
        return Binding(server, listening, gate)
    except (zmq.ZMQError, OSError) as error:
        listening.close()
        raise BindError(_why_not(address, endpoint, error)) from error


def _check_allowed(address: str, insecure: bool) -> None:
    if not insecure:
        raise BindError(
            f"address {address} can be reached by others and has no keys: name a folder of keys (groundcast keys new"
            " node), bind to tcp://127.0.0.1:5570 or to ipc://, or set insecure if everybody there may come in"
        )
    _LOG.warning("%s is insecure: everybody who can reach it is let in, and nothing is encrypted", address)


def _why_not(address: str, endpoint: Endpoint, error: zmq.ZMQError | OSError) -> str:
    reasons = {
        errno.EADDRINUSE: "is in use by another program: stop it, or choose another one",
        errno.EADDRNOTAVAIL: "does not belong to this machine: bind to one of its own addresses",
        errno.ENODEV: f"names a host or an interface ({endpoint.place}) that cannot be found: use an IP address",
        errno.ENOENT: f"lies in a folder that does not exist: create {Path(endpoint.place).parent}",
        errno.ENOTDIR: f"lies in a folder that does not exist: {Path(endpoint.place).parent} is a file",
        errno.EEXIST: "names a file that is not a socket: choose another path",
        errno.EMFILE: "cannot be bound, no file descriptor is left: raise the limit (ulimit -n, LimitNOFILE in a unit)",
        errno.EACCES: "may not be used by this user: choose a port above 1023, or a folder that can be written to",
        errno.EPERM: "may not be used by this user: choose a port above 1023, or a folder that can be written to",
        errno.EROFS: "lies on a file system that cannot be written to: choose another folder",
    }
    return f"address {address} {reasons.get(error.errno or 0, f'cannot be bound: {error}')}"
