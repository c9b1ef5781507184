"""Wakes a thread that waits for sockets."""

from __future__ import annotations

import contextlib
import socket


class Wake:
    """An event to poll beside ZeroMQ's sockets: any thread sets it, one thread waits for it and clears it."""

    def __init__(self) -> None:
        self._in, self._out = socket.socketpair()
        self._in.setblocking(False)
        self._out.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that is readable while the event is set."""
        return self._out.fileno()

    def set(self) -> None:
        """Wake the waiting thread. After `close` nothing happens."""
        with contextlib.suppress(OSError):  # also a full buffer: the event is set already
            self._in.send(b"\0")

    def clear(self) -> None:
        """Take back every `set` so far."""
        with contextlib.suppress(BlockingIOError):
            while self._out.recv(4096):
                pass

    def close(self) -> None:
        self._in.close()
        self._out.close()
