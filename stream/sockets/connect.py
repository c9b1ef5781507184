"""Connecting a socket to a node, so that a machine that died is found out about."""

from __future__ import annotations

import zmq

from .endpoint import AddressError, parse_endpoint


class ConnectError(ValueError):
    """The address cannot be connected to; one sentence says why and what to do."""


def connect(client: zmq.Socket[bytes], address: str) -> None:
    """Connect to where a node is bound. ZeroMQ itself tries again for as long as nobody answers there.

    Raises:
        ConnectError: a bad address, or one that names no host and port.
    """
    try:
        endpoint = parse_endpoint(address)
    except AddressError as error:
        raise ConnectError(str(error)) from error
    if endpoint.port == 0 or endpoint.place == "*":
        raise ConnectError(f"address {address} must name the host and the port of the node")
    client.set(zmq.IPV6, int(endpoint.is_ipv6))
    notice_dead_peers(client)
    try:
        client.connect(address)
    except zmq.ZMQError as error:
        raise ConnectError(f"address {address} cannot be connected to: {error}") from error


def notice_dead_peers(end: zmq.Socket[bytes]) -> None:
    """Let the kernel find out within 5 s that the other end's machine died, which says no goodbye.

    ZeroMQ's own heartbeats would too, but with them libzmq 4.3.5 aborts the process of a reader so slow that its queue
    fills (zeromq/libzmq#3937).
    """
    end.set(zmq.TCP_KEEPALIVE, 1)
    end.set(zmq.TCP_KEEPALIVE_IDLE, 2)
    end.set(zmq.TCP_KEEPALIVE_INTVL, 1)
    end.set(zmq.TCP_KEEPALIVE_CNT, 3)
