"""Push source: a ZeroMQ PULL socket for pictures that a program sends, as from a camera that a driver owns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import zmq
from numpy.typing import NDArray

from ...model.pictures.still_picture import StillError, decode_jpeg
from ..decode.opened_source import StreamFacts, TimedPicture
from ..depth_image import DepthImage
from ..geometry.sensors import Sensors
from ..options import SourceOptions
from ..sockets.bound_socket import BindDescriptorError, BoundSocket
from ..sockets.descriptors import NoDescriptorError
from ..sockets.endpoint import AddressError, parse_endpoint
from ..sockets.key_files import KeyFileError
from ..sockets.zap_auth import ZapAuthError
from ..source_url import SourceError, push_address_of, redact
from ..timing.liveness import Liveness
from ..wire.push_message import MAX_PICTURE_BYTES, PushHeader, parse_push
from ..wire.push_sensor import DepthHeader, DepthMessage, PoseMessage, parse_sensor
from ..wire.topics import MessageError

_USUAL_RATE_HZ = 25.0
_CHECK_STOP_EVERY_MS = 100
_MAX_KEPT, _MAX_AT_ONCE = 8, 50
_NS = (1, 1_000_000_000)


class PushSource:
    """A ZeroMQ PULL socket. Of pictures that wait together only the newest is decoded; the others count as dropped.

    Every program that can connect can send. Without keys the address is a loopback one, or a socket file that only
    this user may open. With keys, programs on any machine that are allowed to push can send.
    An invalid picture counts as corrupt, and the warning says why.

    Args:
        options: the source.
        pause: waits so many seconds; true if the wait was cut short because the work is over.
        sensors: takes the poses and depth pictures that are sent; None refuses them.

    Raises:
        SourceError: the address cannot be bound, or the keys cannot be used.
    """

    def __init__(self, options: SourceOptions, pause: Callable[[float], bool], sensors: Sensors | None = None) -> None:
        self.facts = StreamFacts(
            live=True, dated=True, container="push", codec="pictures", rate_hz=None, stamped_by="push"
        )
        self.rate_hz = _USUAL_RATE_HZ
        self.held_back_s = 0.0
        self.shortfall: str | None = None
        now_ns = time.monotonic_ns()
        self.liveness = Liveness(now_ns, now_ns)
        self._name = options.name
        self._pause = pause
        self._sensors = sensors
        self._last_pts: int | None = None
        check_push(options)
        socket_options: dict[zmq.SocketOption, int] = {zmq.RCVHWM: _MAX_KEPT, zmq.MAXMSGSIZE: MAX_PICTURE_BYTES}
        try:
            self._pull = BoundSocket(zmq.PULL, socket_options, push_address_of(options.url), "push", keys=options.keys)
        except BindDescriptorError as error:
            raise NoDescriptorError(f"source {options.name}") from error
        except (OSError, KeyFileError) as error:
            raise SourceError(f"source {options.name}: {error}") from error
        self._socket = self._pull.socket

    def pictures(self) -> Iterator[TimedPicture]:
        """Pictures as they are sent, until the work is over.

        Raises:
            SourceError: the thread that checks keys has ended.
        """
        while not self._pause(0.0):
            try:
                self._pull.maintain()
            except ZapAuthError as error:
                raise SourceError(f"source {self._name}: {error}") from error
            if self._socket.poll(_CHECK_STOP_EVERY_MS):
                yield from self._waiting()

    def close(self) -> None:
        self._pull.close()

    def _waiting(self) -> Iterator[TimedPicture]:
        """The pictures that wait; all but the newest are marked as superseded."""
        newest: TimedPicture | None = None
        for _ in range(_MAX_AT_ONCE):
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            if picture := self._read(parts):
                if newest:
                    yield replace(newest, superseded=True)
                newest = picture
        if newest:
            yield newest

    def _read(self, parts: list[bytes]) -> TimedPicture | None:
        try:
            if (beside := parse_sensor(parts)) is not None:
                self._take_beside(beside)
                return None
            header = parse_push(parts)
        except MessageError as error:
            self._note_damage(str(error))
            return None
        pts = header.captured_unix_ns if header.pts is None else header.pts
        self.liveness.beat(moved=pts is None or pts != self._last_pts, is_key=True)
        self.liveness.show()
        self._last_pts = pts
        return TimedPicture(
            image=partial(self._rgb, header, parts[1]),
            pts=pts,
            time_base=_NS,
            camera_unix_ns=header.captured_unix_ns,
            driver_us=None,
            received_ns=self.liveness.packet_ns,
            frame_id=header.frame_id,
            depth=None if header.depth is None else depth_image(header.depth, parts[2]),
        )

    def _take_beside(self, message: PoseMessage | DepthMessage) -> None:
        """Hand on a pose or a depth picture."""
        if self._sensors is None:
            raise MessageError("poses and depth pictures are taken where the source has `geometry`: add it")
        take_beside(message, self._sensors)

    def _rgb(self, header: PushHeader, body: bytes) -> NDArray[np.uint8] | None:
        try:
            image = _decode(header, body)
        except StillError as error:
            self._note_damage(str(error))
            return None
        self.liveness.warning = None
        return image

    def _note_damage(self, reason: str) -> None:
        self.liveness.corrupt += 1
        self.liveness.warning = f"what a program sent cannot be used: {reason}"


def take_beside(message: PoseMessage | DepthMessage, sensors: Sensors) -> None:
    """Give the sensors what a program has sent beside its pictures."""
    received_ns, offset_ns = time.monotonic_ns(), time.time_ns() - time.monotonic_ns()
    if isinstance(message, DepthMessage):
        sensors.add_depth(depth_image(message.header, message.body), message.captured_unix_ns, offset_ns)
    else:
        sensors.add_pose(
            message.translation_m, message.quaternion_xyzw, message.captured_unix_ns, received_ns, offset_ns
        )


def depth_image(header: DepthHeader, body: bytes) -> DepthImage:
    """The depth picture in a message's bytes, which are not copied."""
    values = np.frombuffer(body, "<u2" if header.type == "uint16" else "<f4")
    return DepthImage(values.reshape(header.height, header.width), header.unit_m)


def check_push(options: SourceOptions) -> None:
    """Check that a push source's address is valid, and that other machines cannot reach it without keys.

    Raises:
        SourceError: it is not, or they can.
    """
    url = options.url
    try:
        endpoint = parse_endpoint(push_address_of(url))
    except AddressError as error:
        raise SourceError(f"{url}: {redact(str(error), url)}") from error
    if not endpoint.is_local and options.keys is None:
        raise SourceError(
            f"{url} can be reached by others and has no keys: write push:tcp://127.0.0.1:5580 or"
            " push:ipc:///path/to/socket, or give the node keys"
        )
    if endpoint.port == 0:
        raise SourceError(f"{url} must name its port, for programs to know it")


def _decode(header: PushHeader, body: bytes) -> NDArray[np.uint8]:
    """The picture as RGB, upright.

    Raises:
        StillError: a JPEG is damaged, or has another size than its header says.
    """
    if header.encoding == "jpeg":
        return _decode_jpeg(header, body)
    raw = np.frombuffer(body, np.uint8)
    if header.encoding == "mono8":
        image, code = raw.reshape(header.height, header.width), cv2.COLOR_GRAY2RGB
    else:
        image = raw.reshape(header.height, header.width, 3)
        if header.encoding == "rgb8":
            return image.copy()
        code = cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, code), np.uint8)


def _decode_jpeg(header: PushHeader, body: bytes) -> NDArray[np.uint8]:
    image = decode_jpeg(body)
    if image.size != header.width * header.height * 3:
        raise StillError("the JPEG is damaged")
    return image
