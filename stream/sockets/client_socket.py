"""Client socket: a ZeroMQ socket that is connected to a node, its context, and why the node rejects it."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence

import zmq
from zmq.utils.monitor import parse_monitor_message

from .client_keys import ClientKeys, Keys, read_client_keys
from .connect import ConnectError, connect
from .own_context import Context, open_socket

_TRY_AGAIN_AFTER_S = 1.0
_MIN_FREE_DESCRIPTORS = 16
_GAVE_UP = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_WATCHED = _GAVE_UP | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_SUCCEEDED


class ClientSocket:
    """A client's connection to one node, in a ZeroMQ context of its own.

    ZeroMQ connects again by itself when a node was gone, but gives up for good where a node rejected it: `maintain`,
    called about once a second, goes on trying.

    Attributes:
        socket: the socket itself.
        refusal: why the last handshake failed, as the end of a sentence; None if it did not.

    Args:
        kind: such as zmq.SUB.
        options: ZeroMQ's socket options to set before connecting.
        address: where the node's socket is bound.
        keys: for a node that demands them.
        topics: what a SUB socket subscribes to, in this order.

    Raises:
        ConnectError: not an address that can be connected to, or no descriptor is free.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(
        self,
        kind: zmq.SocketType,
        options: Mapping[zmq.SocketOption, int],
        address: str,
        keys: Keys | None = None,
        topics: Sequence[bytes] = (),
    ) -> None:
        self.refusal: str | None = None
        self._address = address
        self._has_keys = keys is not None
        self._try_again_s: float | None = None
        pair = None if keys is None else read_client_keys(keys)
        try:
            self._context, self.socket = open_socket(kind, _MIN_FREE_DESCRIPTORS)
        except (OSError, zmq.ZMQError) as error:
            raise ConnectError(
                f"address {address} cannot be connected to, no file descriptor is left: raise the limit (ulimit -n)"
            ) from error
        try:
            self._monitor = _watch(self._context, self.socket)
            for option, value in options.items():
                self.socket.set(option, value)
            for topic in topics:
                self.socket.subscribe(topic)
            if pair is not None:
                _set_keys(self.socket, pair)
            connect(self.socket, address)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def maintain(self) -> None:
        """Read how the last handshakes went, and connect again if it is time to."""
        while not self._monitor.closed:
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                break
            kind = event["event"]
            self.refusal = None if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED else self._why(kind)
            if kind & _GAVE_UP:
                self._try_again_s = time.monotonic() + _TRY_AGAIN_AFTER_S
        if self._try_again_s is not None and time.monotonic() >= self._try_again_s:
            self._try_again_s = None
            self.socket.disconnect(self._address)
            self.socket.connect(self._address)

    def close(self, linger_ms: int = 0) -> None:
        """Close the socket, which has `linger_ms` to send what is on its way. Twice does no harm."""
        if not self._monitor.closed:
            self.socket.disable_monitor()
            self._monitor.close(linger=0)
            self.socket.close(linger=linger_ms)
        self._context.term()

    def _why(self, kind: int) -> str:
        if kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            return "the node there does not know our key: groundcast keys allow NAME, where it runs"
        # Of two that do not fit together either may hang up first: what the other one sees says no more than that.
        if self._has_keys:
            return "what answers there is not the node whose node.key we have, or has no keys at all"
        return "what answers there demands keys, or is no node of groundcast"


def _set_keys(client: zmq.Socket[bytes], keys: ClientKeys) -> None:
    client.set(zmq.CURVE_PUBLICKEY, keys.own.public)
    client.set(zmq.CURVE_SECRETKEY, keys.own.secret)
    client.set(zmq.CURVE_SERVERKEY, keys.node)


def _watch(context: Context, client: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
    address = f"inproc://monitor-{secrets.token_hex(8)}"
    client.monitor(address, _WATCHED)
    monitor = context.socket(zmq.PAIR)
    monitor.set(zmq.RCVHWM, 0)  # with a limit, ZeroMQ's own thread would wait for us
    monitor.connect(address)
    return monitor
