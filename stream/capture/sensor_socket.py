"""Sensor socket: takes the poses and depth pictures that programs push for a source whose pictures come another way."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import zmq

from ..geometry.sensors import Sensors
from ..options import SourceOptions
from ..sockets.bound_socket import BoundSocket
from ..sockets.key_files import KeyFileError
from ..sockets.zap_auth import ZapAuthError
from ..source_url import push_address_of
from ..wire.push_message import MAX_PICTURE_BYTES, parse_push
from ..wire.push_sensor import DepthMessage, parse_sensor
from ..wire.topics import MessageError
from .push_source import take_beside

_LOG = logging.getLogger(__name__)
_CHECK_STOP_EVERY_MS = 100
_BIND_AGAIN_S = 1.0  # a source that is replaced may still hold the address
_MAX_KEPT = 64


class SensorSocket:
    """A ZeroMQ PULL socket in a thread of its own, which fills the sensors of one source.

    Attributes:
        warning: why nothing can be received, or why the last message was refused; None where all is well.
        refused: how many messages were.

    Args:
        name: of the source.
        url: `push:` and a ZeroMQ address.
        keys: the folder of keys; None admits programs of this machine without keys.
        sensors: takes what is sent.
    """

    def __init__(self, name: str, url: str, keys: Path | None, sensors: Sensors) -> None:
        self.warning: str | None = None
        self.refused = 0
        self._name, self._address, self._keys, self._sensors = name, push_address_of(url), keys, sensors
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sensors-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait_s: float) -> None:
        """End the thread, which frees the address, and wait so long for that."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(wait_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._receive()
            except (OSError, KeyFileError, ZapAuthError) as error:
                reason = f"poses and depth pictures cannot be received: {error}"
                if reason != self.warning:
                    _LOG.warning("source %s: %s", self._name, reason)
                self.warning = reason
                self._stop.wait(_BIND_AGAIN_S)

    def _receive(self) -> None:
        """Bind, and take what is sent until the end."""
        options: dict[zmq.SocketOption, int] = {zmq.RCVHWM: _MAX_KEPT, zmq.MAXMSGSIZE: MAX_PICTURE_BYTES}
        bound = BoundSocket(zmq.PULL, options, self._address, "push", keys=self._keys)
        self.warning = None
        try:
            while not self._stop.is_set():
                bound.maintain()
                if bound.socket.poll(_CHECK_STOP_EVERY_MS):
                    self._take(bound.socket.recv_multipart())
        finally:
            bound.close()

    def _take(self, parts: list[bytes]) -> None:
        try:
            take_beside(parse_sensor(parts) or _depth_of_picture(parts), self._sensors)
        except MessageError as error:
            self.refused += 1
            self.warning = f"what a program sent beside the pictures cannot be used: {error}"
            return
        self.warning = None


def _depth_of_picture(parts: list[bytes]) -> DepthMessage:
    """The depth picture that was sent with a depth camera's own picture, which is of no use here.

    Raises:
        MessageError: it is no picture, or has no depth or no capture time.
    """
    header = parse_push(parts)
    if header.depth is None or header.captured_unix_ns is None:
        raise MessageError("a picture without depth, or without a capture time, says nothing beside another source")
    return DepthMessage(header.depth, parts[2], header.captured_unix_ns)


def sensor_socket_of(options: SourceOptions, sensors: Sensors | None) -> SensorSocket | None:
    """The socket that a source's geometry asks for; None where it asks for none."""
    if options.geometry is None or options.geometry.sensors is None or sensors is None:
        return None
    return SensorSocket(options.name, options.geometry.sensors, options.keys, sensors)
