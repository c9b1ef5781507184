"""Bound socket: a ZeroMQ socket that a node listens with, and all that belongs to it.

That is its context, its listening descriptor, the ZAP authentication of its clients, binding again, and closing.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import zmq

from .allow_list import Purpose
from .descriptors import means_none_free
from .endpoint import AddressError, Endpoint, parse_endpoint
from .listening import Listening
from .own_context import open_socket
from .rejections import Rejections
from .zap_auth import ZapAuth

_LOG = logging.getLogger(__name__)
_HANDSHAKE_WITHIN_MS = 5000
_MIN_FREE_DESCRIPTORS = 64


class BindError(OSError):
    """The address cannot be used; one sentence says why and what to do."""


class BindDescriptorError(BindError):
    """No file descriptor was free, which is no fault of the address, and passes."""


class BoundSocket:
    """A socket that is bound to an address and admits clients. Use it from one thread at a time.

    Loopback addresses and socket files (for this user alone) need no keys. Others do, unless `insecure`, which is
    logged.

    Attributes:
        socket: the socket itself.
        address: what clients connect to; with port 0 or '*' the port that was chosen.
        has_keys: clients must show an allowed key.
        rejected_connections: clients that were rejected.

    Args:
        kind: such as zmq.PULL.
        options: ZeroMQ's socket options to set before binding.
        address: a ZeroMQ address.
        purpose: what clients come for, which decides which keys are allowed.
        insecure: admit every client, wherever the address can be reached from.
        keys: the folder with the node's pair and the allowed clients' keys; None admits clients without keys.
        on_change: called from another thread when `maintain` has something to do.

    Raises:
        BindError: a bad, busy or forbidden address, or one that others can reach without keys.
        BindDescriptorError: no descriptor is free.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(
        self,
        kind: zmq.SocketType,
        options: Mapping[zmq.SocketOption, int],
        address: str,
        purpose: Purpose,
        *,
        insecure: bool = False,
        keys: Path | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        endpoint = _checked(address, insecure, has_keys=keys is not None)
        self.has_keys = keys is not None
        self.rejected_connections = Rejections(purpose)
        self._zap_auth: ZapAuth | None = None
        self._is_bound = False
        try:
            with ExitStack() as undo:
                self._listening = Listening(endpoint)
                undo.callback(self._listening.close)
                self._context, self.socket = open_socket(kind, _MIN_FREE_DESCRIPTORS)
                undo.callback(self._context.destroy, linger=0)
                for option, value in {**options, zmq.IPV6: int(endpoint.is_ipv6)}.items():
                    self.socket.set(option, value)
                self.socket.set(zmq.HANDSHAKE_IVL, _HANDSHAKE_WITHIN_MS)
                if keys is not None:
                    self._zap_auth = ZapAuth(self._context, keys, purpose, on_change, self.rejected_connections)
                    undo.callback(self._zap_auth.close)
                    self._zap_auth.guard(self.socket, self._listening.port)
                self._bind()
                undo.pop_all()
        except (zmq.ZMQError, OSError) as error:
            raise _bind_error(address, endpoint, error) from error
        self.address = self.socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def maintain(self) -> None:
        """Drop every connection if a client among them was revoked; bind again if no descriptor was free before.

        Raises:
            ZapAuthError: the authentication has failed.
        """
        if self._zap_auth is not None and self._zap_auth.was_client_revoked():
            self.drop_connections()
        elif not self._is_bound:
            self._bind_again()

    def drop_connections(self) -> None:
        """Drop every connection: ZeroMQ checks keys at the handshake only, and allowed clients connect again.

        They do so by themselves within a fraction of a second; what is sent meanwhile is lost to them. Where no
        descriptor is free to listen with, a later `maintain` that finds one admits them again.
        """
        if self._is_bound:
            linger_ms = self.socket.get(zmq.LINGER)
            self.socket.set(zmq.LINGER, 0)  # revoked clients get nothing more, not even what is queued
            self.socket.unbind(self.address)
            self.socket.set(zmq.LINGER, linger_ms)
            self._is_bound = False
        self._bind_again()

    def reject_client(self, name: str) -> None:
        """Reject the client with this key for a minute, although its key is allowed."""
        if self._zap_auth is not None:
            self._zap_auth.reject_client(name)

    def close(self, linger_s: float = 0.0) -> None:
        """Give clients `linger_s` to take what was sent, and release the address. Twice does no harm."""
        self._listening.close()
        if self._zap_auth is not None:
            self._zap_auth.close()
        self.socket.close(linger=round(linger_s * 1000))
        self._context.term()  # waits until clients have the tail, or `linger_s` is over

    def _bind(self) -> None:
        """Bind to the listening socket; raises OSError if no descriptor is free."""
        self.socket.set(zmq.USE_FD, self._listening.lend())
        self.socket.bind(self._listening.address)
        self._is_bound = True

    def _bind_again(self) -> None:
        try:
            self._bind()
        except OSError:
            if self._zap_auth is not None:
                self._zap_auth.remind()


def _checked(address: str, insecure: bool, *, has_keys: bool) -> Endpoint:
    try:
        endpoint = parse_endpoint(address)
    except AddressError as error:
        raise BindError(str(error)) from error
    if has_keys and insecure:
        raise BindError(f"address {address} has keys and is insecure as well: leave one of them out")
    if not has_keys and not endpoint.is_local:
        if not insecure:
            raise BindError(
                f"address {address} can be reached by others and has no keys: name a folder of keys (groundcast keys"
                " new node), bind to tcp://127.0.0.1:5570 or to ipc://, or set insecure to let every client in"
            )
        _LOG.warning("%s is insecure: every client that can reach it gets in, and nothing is encrypted", address)
    return endpoint


def _bind_error(address: str, endpoint: Endpoint, error: zmq.ZMQError | OSError) -> BindError:
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
    kind = BindDescriptorError if means_none_free(error.errno) else BindError
    return kind(f"address {address} {reasons.get(error.errno or 0, f'cannot be bound: {error}')}")
