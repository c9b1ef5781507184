"""Tells the service manager how the node is doing, in the words of sd_notify(3); without a manager it says nothing."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 0.5


class ServiceManager:
    """The end of systemd's socket that a service holds.

    Args:
        environment: NOTIFY_SOCKET names the socket; WATCHDOG_USEC, and WATCHDOG_PID if it is ours, say how often
            systemd wants a sign of life.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        is_meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 if is_meant else 0.0

    def say(self, *lines: str, wait_s: float = _PATIENCE_S) -> None:
        """Send `READY=1` and its like, and wait so long at most for a manager that is busy."""
        if not self._is_there:
            return
        try:
            with _socket() as out:
                self._send(out, wait_s, *lines)
        except OSError as error:  # no descriptor is free
            self._complain(lines[0], error)

    @contextmanager
    def informed(self, is_alive: Callable[[], bool]) -> Generator[None]:
        """Say that the node is ready, then that it lives for as long as `is_alive` says so, and last that it ends."""
        self.say("READY=1")
        over = threading.Event()
        pulse = threading.Thread(target=self._pulse, args=(is_alive, over), name="watchdog", daemon=True)
        if self._watchdog_s > 0 and self._is_there:
            pulse.start()
        try:
            yield
        finally:
            over.set()
            if pulse.is_alive():
                pulse.join()
            self.say("STOPPING=1")

    @contextmanager
    def reloading(self) -> Generator[None]:
        """Say that the settings are read again, and then that this is done."""
        self.say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self.say("READY=1")

    @property
    def _is_there(self) -> bool:
        return self._address.startswith(("/", "@"))

    def _pulse(self, is_alive: Callable[[], bool], over: threading.Event) -> None:
        with _socket() as out:  # kept open: a node without a free descriptor is alive all the same
            while not over.wait(self._watchdog_s / 2):
                if is_alive():
                    self._send(out, 0.0, "WATCHDOG=1")

    def _send(self, out: socket.socket, wait_s: float, *lines: str) -> None:
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        out.settimeout(wait_s)
        try:
            out.sendto("\n".join(lines).encode(), address)
        except BlockingIOError:
            pass  # it has more signs of life than it reads
        except OSError as error:
            self._complain(lines[0], error)

    def _complain(self, line: str, error: OSError) -> None:
        """Log what a node can do nothing about."""
        _LOG.warning("the service manager at %s cannot be told %s: %s", self._address, line, error)


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
