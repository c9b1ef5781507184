"""Handshake limit: how many connections without an allowed key may be open, in all and of one address.

libzmq accepts every connection and sets no limit, so those beyond the limit are closed, the oldest first: an honest
handshake takes milliseconds. libzmq's monitor gives the descriptors; the kernel knows how much each peer was sent.
"""

from __future__ import annotations

import ipaddress
import os
import resource
import socket
import struct
import time
from collections import defaultdict

_MAX_TOTAL = 256
_MIN_TOTAL = 8
_SHARE_OF_DESCRIPTORS = 8
_EVERY_S = 0.1
_MAX_BYTES_BEFORE_KEY = 260  # sent: a greeting (64), WELCOME (170), ERROR (12); with READY it is 280 or more
_BYTES_ACKED = 120  # where `struct tcp_info` has it, a u64
_IPV6_SITE = 64


class HandshakeLimit:
    """Watches the connections of one listening socket. For one thread.

    Args:
        port: where the socket listens.

    Attributes:
        max_total: connections that may be without a key at once.
        max_of_address: those of one IPv4 address, or of one IPv6 network (/64).
    """

    def __init__(self, port: int) -> None:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.max_total = min(_MAX_TOTAL, max(_MIN_TOTAL, descriptors // _SHARE_OF_DESCRIPTORS))
        self.max_of_address = self.max_total // 2
        self._port = port
        self._accepted: dict[int, None] = {}  # descriptors whose handshake may not be over, the oldest first
        self._new = 0
        self._next_s = 0.0
        # A descriptor of our own becomes a duplicate of one of libzmq's while that is examined. So none need be opened,
        # and the examined file cannot be closed and replaced meanwhile. IPv6, which has addresses of both kinds.
        self._unused, end = socket.socketpair()
        self._duplicate = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, fileno=end.detach())

    def note(self, descriptor: int) -> None:
        """libzmq has accepted a connection."""
        self._accepted.pop(descriptor, None)
        self._accepted[descriptor] = None
        self._new += 1

    @property
    def is_watching(self) -> bool:
        """Whether handshakes may be going on, so that `enforce` should be called again within a tenth of a second."""
        return bool(self._accepted)

    def enforce(self) -> list[str]:
        """Close the connections that are too many; returns the address of each."""
        now_s = time.monotonic()
        if not self._accepted or (now_s < self._next_s and self._new < self.max_of_address // 2):
            return []
        self._next_s, self._new = now_s + _EVERY_S, 0
        pending = self._without_key()
        counts: defaultdict[str, int] = defaultdict(int)
        for address in pending.values():
            counts[_site(address)] += 1
        left = len(pending)
        closed: list[str] = []
        for descriptor, address in pending.items():
            if left > self.max_total or counts[_site(address)] > self.max_of_address:
                self._close(descriptor)
                left -= 1
                counts[_site(address)] -= 1
                closed.append(address)
        return closed

    def close(self) -> None:
        self._duplicate.close()
        self._unused.close()

    def _without_key(self) -> dict[int, str]:
        """The address behind each descriptor that has not ended its handshake; the others are forgotten."""
        addresses = {descriptor: self._address(descriptor) for descriptor in self._accepted}
        found = {descriptor: address for descriptor, address in addresses.items() if address is not None}
        self._accepted = dict.fromkeys(found)
        self._release_duplicate()
        return found

    def _address(self, descriptor: int) -> str | None:
        try:
            os.dup2(descriptor, self._duplicate.fileno(), inheritable=False)
            if self._duplicate.getsockname()[1:2] != (self._port,):
                return None
            info = self._duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
            (sent,) = struct.unpack_from("=Q", info, _BYTES_ACKED)
            return self._duplicate.getpeername()[0] if sent <= _MAX_BYTES_BEFORE_KEY else None
        except (OSError, struct.error):  # closed, another file by now, or a kernel without this field
            return None

    def _close(self, descriptor: int) -> None:
        del self._accepted[descriptor]
        if self._address(descriptor) is not None:  # still the one without a key
            self._duplicate.shutdown(socket.SHUT_RDWR)
        self._release_duplicate()

    def _release_duplicate(self) -> None:
        os.dup2(self._unused.fileno(), self._duplicate.fileno(), inheritable=False)


def _site(address: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 /64 network, which one user often has alone."""
    number = ipaddress.ip_address(address)
    if isinstance(number, ipaddress.IPv4Address):
        return str(number)
    if number.ipv4_mapped is not None:
        return str(number.ipv4_mapped)
    return str(ipaddress.ip_network((int(number), _IPV6_SITE), strict=False))
