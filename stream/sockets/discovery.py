"""Node discovery by UDP multicast: asks a network whether a node has a name, and answers for this node's own."""

from __future__ import annotations

import contextlib
import logging
import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import cast

from ..wire.packing import pack, unpack
from ..wire.topics import MessageError
from .endpoint import parse_endpoint
from .token_bucket import TokenBucket
from .wake import Wake

GROUP, PORT = "239.255.103.99", 5569
"""The multicast group and port of requests; the range stays within a site, and the datagrams cross no router."""

_LOG = logging.getLogger(__name__)
_MAX_DATAGRAM_BYTES = 512
_SEND_AFTER_S = (0.0, 0.1, 0.25)
_ANSWER_WITHIN_S = 0.4
_ANSWERS, _ANSWERS_PER_S = 20, 10.0

Interface = bytes
"""An interface as the kernel's `ip_mreqn` names it: 4 bytes of address and a native int, its index."""


def interfaces_of(address: str) -> tuple[Interface, ...]:
    """The interfaces that reach a ZeroMQ address: none for loopback and socket files."""
    endpoint = parse_endpoint(address)
    if endpoint.is_local:
        return ()
    with contextlib.suppress(OSError):  # a name, '*' or IPv6
        own = socket.inet_aton(endpoint.place)
        if any(own):
            return (own + struct.pack("=i", 0),)
    return tuple(by_index(index) for index, name in socket.if_nameindex() if name != "lo")


def by_index(index: int) -> Interface:
    """The interface with this number."""
    return bytes(4) + struct.pack("=i", index)


class Discovery:
    """Sends requests for a node's name, and from then on answers those of others, in a thread of its own.

    Of two nodes that ask at the same time the one with the lower token keeps the name.

    Args:
        node: its name.
        interfaces: where to ask and to answer. Those that carry no multicast are left out.
    """

    def __init__(self, node: str, interfaces: Sequence[Interface]) -> None:
        self._node = node
        self._token = secrets.token_hex(8)
        self._is_asking = self._is_established = False
        self._answers = TokenBucket(_ANSWERS, _ANSWERS_PER_S)
        self._logged: set[str] = set()
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._closed = Wake()
        self._interfaces = self._join(interfaces)
        self._thread = threading.Thread(target=self._run, name="discovery", daemon=True)
        self._thread.start()

    def ask(self) -> str | None:
        """The host of another node of this name, or None if none answers in time; from then on the name is ours."""
        self._is_asking = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            began_s = time.monotonic()
            for after_s in _SEND_AFTER_S:
                where = self._receive_answer(sender, began_s + after_s)
                if where is not None:
                    return where
                self._send_request(sender)
            where = self._receive_answer(sender, began_s + _ANSWER_WITHIN_S)
        self._is_established = where is None
        return where

    def close(self) -> None:
        """Stop answering."""
        self._closed.set()
        self._thread.join()
        self._receiver.close()
        self._closed.close()

    def _join(self, interfaces: Sequence[Interface]) -> tuple[Interface, ...]:
        joined: list[Interface] = []
        try:
            self._receiver.bind((GROUP, PORT))
        except OSError as error:
            _LOG.debug("the network is not asked about the node's name: %s", error)
            return ()
        for interface in interfaces:
            try:
                member = socket.inet_aton(GROUP) + interface
                self._receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
                joined.append(interface)
            except OSError as error:
                _LOG.debug("an interface is not asked about the node's name: %s", error)
        return tuple(joined)

    def _send_request(self, sender: socket.socket) -> None:
        request = pack({"groundcast": 1, "who": self._node, "token": self._token})
        for interface in self._interfaces:
            with contextlib.suppress(OSError):  # no way out there now
                choice = socket.inet_aton(GROUP) + interface
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, choice)
                sender.sendto(request, (GROUP, PORT))

    def _receive_answer(self, sender: socket.socket, until_s: float) -> str | None:
        while (left_s := until_s - time.monotonic()) > 0:
            if not select.select([sender], [], [], left_s)[0]:
                break
            body, (host, _port) = sender.recvfrom(_MAX_DATAGRAM_BYTES)
            answer = _read(body)
            if answer.get("here") == self._node and answer.get("token") == self._token:
                return host
        return None

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([self._receiver, self._closed], [], [])
            if self._closed in ready:
                return
            body, client = self._receiver.recvfrom(_MAX_DATAGRAM_BYTES)
            token = self._token_to_answer(_read(body))
            if token is not None and not self._answers.is_spent:
                self._answers.spend()
                self._log(client[0])
                with contextlib.suppress(OSError):
                    self._receiver.sendto(pack({"groundcast": 1, "here": self._node, "token": token}), client)

    def _token_to_answer(self, request: dict[str, object]) -> str | None:
        """The token of a request for our name, or None if it needs no answer."""
        token = request.get("token")
        if request.get("who") != self._node or not isinstance(token, str) or token == self._token:
            return None
        return token if self._is_established or (self._is_asking and self._token < token) else None

    def _log(self, host: str) -> None:
        if host not in self._logged and len(self._logged) < _ANSWERS:
            self._logged.add(host)
            _LOG.warning(
                "another node called %s wants to start at %s, and gets the answer that the name is taken",
                self._node,
                host,
            )


def _read(body: bytes) -> dict[str, object]:
    """A datagram as a map, empty if it is not one of groundcast."""
    try:
        values = unpack(body)
    except MessageError:
        return {}
    if not isinstance(values, dict):
        return {}
    known = cast("dict[str, object]", values)
    return known if known.get("groundcast") == 1 else {}
