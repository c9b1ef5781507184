"""Keyless connections that are opened again when a node closes them: `python -m tests.faults.flooder PORT COUNT NICE`.

Runs until standard input ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Generator

from .processes import running

_AT_ONCE = 64  # opened before those that are open are looked at


@contextlib.contextmanager
def flood(port: int, count: int, nice: int = 0) -> Generator[None]:
    """Such connections, from a process of their own, whose priority is lower by `nice`."""
    with running("tests.faults.flooder", str(port), str(count), str(nice)):
        yield


def main() -> None:
    """Flood."""
    port, count, nice = map(int, sys.argv[1:4])
    os.nice(nice)
    flood = select.epoll()
    flood.register(sys.stdin, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    while True:
        for _ in range(min(_AT_ONCE, count - len(connections))):
            one = _connection(port)
            connections[one.fileno()] = one
            flood.register(one, select.EPOLLIN | select.EPOLLRDHUP)
        for descriptor, _ in flood.poll(0.001):
            if descriptor == sys.stdin.fileno():
                return
            if _is_over(connections[descriptor]):
                flood.unregister(descriptor)
                connections.pop(descriptor).close()


def _connection(port: int) -> socket.socket:
    one = socket.socket()
    one.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        one.connect(("127.0.0.1", port))
    return one


def _is_over(one: socket.socket) -> bool:
    try:
        return one.recv(1024) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


if __name__ == "__main__":
    main()
