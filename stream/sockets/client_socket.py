"""Connects a client's socket to a node, and knows why the node does not let it in."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import secrets
import time

import zmq
from zmq.utils.monitor import parse_monitor_message

from .client_keys import ClientKeys, Keys, read_client_keys
from .connect import ConnectError, connect
from .key_files import KeyFileError

_TRY_AGAIN_AFTER_S = 1.0
_GAVE_UP = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_WATCHED = _GAVE_UP | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_SUCCEEDED


class ClientSocket:
    """A client's way to one node.

    ZeroMQ connects again by itself when a node was gone, but gives up for good where a node did not let it in:
    `look`, called about once a second, goes on trying.

    Attributes:
        socket: the client's.
        refusal: why the last handshake failed, as the end of a sentence; None if it did not.

    Args:
        client: a socket that is not connected yet; the link closes it.
        address: where the node's socket is bound.
        keys: to show to the node, if it asks for any.

    Raises:
        ConnectError: not an address that can be connected to.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(self, client: zmq.Socket[bytes], address: str, keys: Keys | None = None) -> None:
        self.socket = client
        self.refusal: str | None = None
        self._address = address
        self._has_keys = keys is not None
        self._try_again_s: float | None = None
        self._monitor = _watch(client)
        try:
            if keys is not None:
                _show(client, read_client_keys(keys))
            connect(client, address)
        except (ConnectError, KeyFileError):
            self.close()
            raise

    def look(self) -> None:
        """Take in how the last handshakes went, and try again if it is time to."""
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

    def _why(self, kind: int) -> str:
        if kind == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            return "the node there does not know our key: groundcast keys allow NAME, where it runs"
        # Of two that do not fit together either may hang up first: what the other one sees says no more than that.
        if self._has_keys:
            return "what answers there is not the node whose node.key we have, or has no keys at all"
        return "what answers there lets nobody in without keys, or is no node of groundcast"


def _show(client: zmq.Socket[bytes], keys: ClientKeys) -> None:
    client.set(zmq.CURVE_PUBLICKEY, keys.own.public)
    client.set(zmq.CURVE_SECRETKEY, keys.own.secret)
    client.set(zmq.CURVE_SERVERKEY, keys.node)


def _watch(client: zmq.Socket[bytes]) -> zmq.Socket[bytes]:
    address = f"inproc://link-{secrets.token_hex(8)}"
    client.monitor(address, _WATCHED)
    context: zmq.Context[zmq.Socket[bytes]] = client.context
    monitor = context.socket(zmq.PAIR)
    monitor.set(zmq.RCVHWM, 0)  # ZeroMQ's own thread would wait for us if there were no room
    monitor.connect(address)
    return monitor
