"""Wakes a thread that waits for sockets."""

from __future__ import annotations

import contextlib
import socket


class Wake:
    """A bell that can be waited for beside ZeroMQ's sockets: any thread rings, one hears."""

    def __init__(self) -> None:
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)

    def fileno(self) -> int:
        """What becomes readable when somebody rings."""
        return self._out.fileno()

    def ring(self) -> None:
        """Wake who listens. After `close` nobody does, and nothing happens."""
        with contextlib.suppress(OSError):  # also: so many rings are waiting that one more changes nothing
            self._in.send(b"\0")

    def hear(self) -> None:
        """Take note of every ring so far."""
        with contextlib.suppress(BlockingIOError):
            while self._out.recv(4096):
                pass

    def close(self) -> None:
        self._in.close()
        self._out.close()
