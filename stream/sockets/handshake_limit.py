"""Handshake limit: how many connections may be open, in all and of one address, that have shown no allowed key yet.

libzmq accepts every connection and sets no limit, so those beyond the limit are hung up on, the oldest first: an honest
handshake takes milliseconds. libzmq tells us its descriptors; the kernel tells how much each peer was sent.
"""

from __future__ import annotations

import ipaddress
import os
import resource
import socket
import struct
import time
from collections import defaultdict

_MAX_IN_ALL = 256
_MIN_IN_ALL = 8
_SHARE_OF_DESCRIPTORS = 8
_EVERY_S = 0.1
_SENT_TO_STRANGERS = 260  # bytes at most: a greeting (64), WELCOME (170), ERROR (12); with READY it is 280 or more
_BYTES_ACKED = 120  # where `struct tcp_info` has it, a u64
_IPV6_SITE = 64


class HandshakeLimit:
    """Watches the connections of one listening socket. For one thread.

    Args:
        port: where the socket listens.

    Attributes:
        in_all: how many connections may be without a key at once.
        of_address: how many of one IPv4 address, or of one IPv6 network (/64).
    """

    def __init__(self, port: int) -> None:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.in_all = min(_MAX_IN_ALL, max(_MIN_IN_ALL, descriptors // _SHARE_OF_DESCRIPTORS))
        self.of_address = self.in_all // 2
        self._port = port
        self._accepted: dict[int, None] = {}  # descriptors whose handshake may not be over, the oldest first
        self._new = 0
        self._next_s = 0.0
        # A descriptor of our own that is pointed at one of libzmq's to look at it. So nothing need be opened for that,
        # and what is looked at cannot be closed and be another file meanwhile. Of IPv6, which has room for both.
        self._nothing, end = socket.socketpair()
        self._look = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, fileno=end.detach())

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
        """Hang up on those that are too many; the address of each."""
        now_s = time.monotonic()
        if not self._accepted or (now_s < self._next_s and self._new < self.of_address // 2):
            return []
        self._next_s, self._new = now_s + _EVERY_S, 0
        open_ones = self._without_key()
        counts: defaultdict[str, int] = defaultdict(int)
        for address in open_ones.values():
            counts[_site(address)] += 1
        left = len(open_ones)
        gone: list[str] = []
        for descriptor, address in open_ones.items():
            if left > self.in_all or counts[_site(address)] > self.of_address:
                self._hang_up(descriptor)
                left -= 1
                counts[_site(address)] -= 1
                gone.append(address)
        return gone

    def close(self) -> None:
        self._look.close()
        self._nothing.close()

    def _without_key(self) -> dict[int, str]:
        """The address behind each descriptor that has not ended its handshake; the others are forgotten."""
        addresses = {descriptor: self._address(descriptor) for descriptor in self._accepted}
        found = {descriptor: address for descriptor, address in addresses.items() if address is not None}
        self._accepted = dict.fromkeys(found)
        self._look_away()
        return found

    def _address(self, descriptor: int) -> str | None:
        try:
            os.dup2(descriptor, self._look.fileno(), inheritable=False)
            if self._look.getsockname()[1:2] != (self._port,):
                return None
            told = self._look.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
            (sent,) = struct.unpack_from("=Q", told, _BYTES_ACKED)
            return self._look.getpeername()[0] if sent <= _SENT_TO_STRANGERS else None
        except (OSError, struct.error):  # closed, another file by now, or a kernel that does not tell
            return None

    def _hang_up(self, descriptor: int) -> None:
        del self._accepted[descriptor]
        if self._address(descriptor) is not None:  # still the one without a key
            self._look.shutdown(socket.SHUT_RDWR)
        self._look_away()

    def _look_away(self) -> None:
        os.dup2(self._nothing.fileno(), self._look.fileno(), inheritable=False)


def _site(address: str) -> str:
    """What counts as one address: an IPv4 address, or a network of IPv6, of which a single user has a whole one."""
    number = ipaddress.ip_address(address)
    if isinstance(number, ipaddress.IPv4Address):
        return str(number)
    if number.ipv4_mapped is not None:
        return str(number.ipv4_mapped)
    return str(ipaddress.ip_network((int(number), _IPV6_SITE), strict=False))
