"""Sends recorded messages to whoever subscribes, as the bytes they are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import zmq

from .binding import BindError, bind
from .subscriptions import Subscriptions
from .topics import kind_prefix

_LONGEST_REQUEST = 4096
_ASK_EVERY_S = 0.1  # whether to stop
_ROOM = 1000


class WireSender:
    """Binds at once; sends in the caller's own thread, which alone may use it.

    Args:
        address: a ZeroMQ address to bind.
        insecure: allow an address that others can reach.
        lossless: wait for the slowest reader instead of dropping what it does not take.

    Attributes:
        address: what subscribers connect to; with port 0 or '*' the port that was chosen.

    Raises:
        BindError: a bad, busy or forbidden address.
    """

    def __init__(self, address: str, *, insecure: bool = False, lossless: bool = False) -> None:
        self._subscriptions = Subscriptions()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.set(zmq.SNDHWM, _ROOM)
        self._socket.set(zmq.MAXMSGSIZE, _LONGEST_REQUEST)
        self._socket.set(zmq.XPUB_NODROP, int(lossless))
        self._socket.set(zmq.SNDTIMEO, round(_ASK_EVERY_S * 1000))
        try:
            self.address = bind(self._socket, address, insecure)
        except BindError:
            self._socket.close(linger=0)
            self._context.term()
            raise

    def wait_for_subscriber(self, timeout_s: float, stop: Callable[[], bool]) -> bool:
        """Wait until somebody listens to detections; False if time ran out or `stop()` said so."""
        deadline_s = time.monotonic() + timeout_s
        while not self._subscriptions.wait_below(kind_prefix("det"), 0.0, stop):
            if time.monotonic() >= deadline_s or stop():
                return False
            self.pause_until(min(deadline_s, time.monotonic() + _ASK_EVERY_S / 2), stop)
        return True

    def pause_until(self, moment_s: float, stop: Callable[[], bool]) -> None:
        """Wait until `time.monotonic()` is `moment_s`, or `stop()` says so, and hear who subscribes meanwhile."""
        while True:
            left_s = max(0.0, moment_s - time.monotonic())
            if self._socket.poll(math.ceil(min(left_s, _ASK_EVERY_S) * 1000)):
                self._subscriptions.hear(self._socket.recv())
            elif left_s <= _ASK_EVERY_S or stop():
                return

    def send(self, topic: bytes, parts: Sequence[bytes], stop: Callable[[], bool]) -> bool:
        """Send one message; False if `stop()` said so while a slow reader had no room (`lossless`)."""
        while not stop():
            try:
                self._socket.send_multipart((topic, *parts))
            except zmq.Again:
                continue
            return True
        return False

    def close(self, linger_s: float = 5.0) -> None:
        """Give readers `linger_s` to take what was sent, and let go of the address. Twice does no harm."""
        self._socket.close(linger=round(linger_s * 1000))
        self._context.term()

    def __enter__(self) -> WireSender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
