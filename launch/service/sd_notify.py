"""Notifies systemd that the node is ready, alive or stopping, as sd_notify(3) says; without systemd it does nothing."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

_LOG = logging.getLogger(__name__)
_SEND_TIMEOUT_S = 0.5


class ServiceManager:
    """A service's end of systemd's notification socket.

    Args:
        environment: NOTIFY_SOCKET names the socket; WATCHDOG_USEC is the watchdog's interval, if WATCHDOG_PID is
            this process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        is_meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 if is_meant else 0.0

    def say(self, *lines: str, wait_s: float = _SEND_TIMEOUT_S) -> None:
        """Send lines such as `READY=1`; wait at most `wait_s` for a busy manager."""
        if not self._is_there:
            return
        try:
            with _socket() as out:
                self._send(out, wait_s, *lines)
        except OSError as error:  # no descriptor is free
            self._warn(lines[0], error)

    @contextmanager
    def informed(self, is_alive: Callable[[], bool]) -> Generator[None]:
        """Notify ready at the start, feed the watchdog while `is_alive` holds, and notify stopping at the end."""
        self.say("READY=1")
        over = threading.Event()
        watchdog = threading.Thread(target=self._feed_watchdog, args=(is_alive, over), name="watchdog", daemon=True)
        if self._watchdog_s > 0 and self._is_there:
            watchdog.start()
        try:
            yield
        finally:
            over.set()
            if watchdog.is_alive():
                watchdog.join()
            self.say("STOPPING=1")

    @contextmanager
    def reloading(self) -> Generator[None]:
        """Notify reloading at the start and ready at the end."""
        self.say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            self.say("READY=1")

    @property
    def _is_there(self) -> bool:
        return self._address.startswith(("/", "@"))

    def _feed_watchdog(self, is_alive: Callable[[], bool], over: threading.Event) -> None:
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
            pass  # systemd's queue is full
        except OSError as error:
            self._warn(lines[0], error)

    def _warn(self, line: str, error: OSError) -> None:
        """Log a failed notification; the node continues."""
        _LOG.warning("the service manager at %s could not be sent %s: %s", self._address, line, error)


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
