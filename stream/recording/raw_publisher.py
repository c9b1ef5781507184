"""Raw publisher: sends recorded messages to subscribers, byte for byte."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import zmq

from ..options import PublisherOptions
from ..publish.subscriptions import Subscriptions
from ..publish.xpub_socket import XpubSocket
from ..wire.topics import kind_prefix

_CHECK_STOP_EVERY_S = 0.1
_MAX_QUEUED = 1000


class RawPublisher:
    """Binds at once; sends in the caller's own thread, which alone may use it.

    Args:
        address: a ZeroMQ address to bind.
        insecure: allow an address that others can reach, without keys.
        keys: the folder with the node's keys and the allowed clients' keys.
        lossless: wait for the slowest subscriber instead of dropping what it does not take.

    Attributes:
        address: what subscribers connect to; with port 0 or '*' the port that was chosen.

    Raises:
        BindError: a bad or busy address, or one that others can reach without keys.
        KeyFileError: keys that are missing, damaged or open to others.
    """

    def __init__(
        self, address: str, *, insecure: bool = False, keys: Path | None = None, lossless: bool = False
    ) -> None:
        self._subscriptions = Subscriptions()
        options = PublisherOptions(address, high_water_mark=_MAX_QUEUED, insecure=insecure, keys=keys)
        self._xpub_socket = XpubSocket(options, self._subscriptions, lambda: None)
        self._socket = self._xpub_socket.socket
        self._socket.set(zmq.XPUB_NODROP, int(lossless))
        self._socket.set(zmq.SNDTIMEO, round(_CHECK_STOP_EVERY_S * 1000))
        self.address = self._xpub_socket.address

    def wait_for_subscriber(self, timeout_s: float, stop: Callable[[], bool]) -> bool:
        """Wait until a client subscribes to detections; False if time ran out or `stop()` is true."""
        deadline_s = time.monotonic() + timeout_s
        while not self._subscriptions.wait_below(kind_prefix("det"), 0.0, stop):
            if time.monotonic() >= deadline_s or stop():
                return False
            self.pause_until(min(deadline_s, time.monotonic() + _CHECK_STOP_EVERY_S / 2), stop)
        return True

    def pause_until(self, moment_s: float, stop: Callable[[], bool]) -> None:
        """Wait until `time.monotonic()` is `moment_s`, or `stop()` is true, and receive subscriptions meanwhile."""
        self._xpub_socket.receive_requests()
        while True:
            left_s = max(0.0, moment_s - time.monotonic())
            if self._socket.poll(math.ceil(min(left_s, _CHECK_STOP_EVERY_S) * 1000)):
                self._xpub_socket.receive_requests()
            elif left_s <= _CHECK_STOP_EVERY_S or stop():
                return

    def send(self, topic: bytes, parts: Sequence[bytes], stop: Callable[[], bool]) -> bool:
        """Send one message; False if `stop()` was true while a slow subscriber could take none (`lossless`)."""
        while not stop():
            try:
                self._xpub_socket.send((topic, *parts), None)
            except zmq.Again:
                self._xpub_socket.receive_requests()  # the slow client may have been revoked
                continue
            return True
        return False

    def close(self, linger_s: float = 5.0) -> None:
        """Give subscribers `linger_s` to take what was sent, and release the address."""
        self._xpub_socket.close(linger_s)

    def __enter__(self) -> RawPublisher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
