"""Connecting a socket to a node, with TCP keepalive, which notices a machine that died."""

from __future__ import annotations

import zmq

from .endpoint import AddressError, parse_endpoint

NOTICE_DEAD_PEERS: dict[zmq.SocketOption, int] = {
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 2,
    zmq.TCP_KEEPALIVE_INTVL: 1,
    zmq.TCP_KEEPALIVE_CNT: 3,
}
"""Socket options by which the kernel finds out within 5 s that the other end's machine died.

ZeroMQ's own heartbeats would too, but with them libzmq 4.3.5 aborts the process of a reader so slow that its queue
fills (zeromq/libzmq#3937).
"""


class ConnectError(ValueError):
    """The address cannot be connected to; one sentence says why and what to do."""


def connect(client: zmq.Socket[bytes], address: str) -> None:
    """Connect to where a node is bound. ZeroMQ itself tries again for as long as no node answers there.

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
    for option, value in NOTICE_DEAD_PEERS.items():
        client.set(option, value)
    try:
        client.connect(address)
    except zmq.ZMQError as error:
        raise ConnectError(f"address {address} cannot be connected to: {error}") from error
