"""Pusher: sends a program's own pictures to a node. It needs pyzmq and msgpack, and no numpy."""

from __future__ import annotations

import operator
import time
from types import TracebackType
from typing import Any, Literal, Protocol, cast

import zmq

from .sockets.client_keys import Keys
from .sockets.client_socket import ClientSocket
from .sockets.connect import ConnectError
from .sockets.key_files import KeyFileError
from .wire.push_message import MAX_PICTURE_BYTES, Encoding, PushHeader, jpeg_size, pack_push
from .wire.topics import MessageError

_LAST_ONE_WITHIN_MS = 100


class PusherError(ValueError):
    """An address or a picture that cannot be used; one sentence."""


class Array(Protocol):
    """A numpy array, or an object with the same `data`."""

    @property
    def data(self) -> memoryview: ...


class Pusher:
    """Sends pictures to a node whose source is `push:` and this address. Use it from one thread.

        with Pusher("tcp://127.0.0.1:5580") as pusher:
            for image in camera:
                pusher.send(image, frame_id="wrist_optical")

    Nothing is queued for a node that is not there or does not keep up, so that it receives new pictures: at most one
    waits here while another is on its way. ZeroMQ connects again by itself when the node is restarted.

    Args:
        address: the part of the source's URL after `push:`.
        keys: for a node that demands them: the folder with our own key and the node's.
        wait_s: how long `send` may wait for the node; at 0 it only copies the picture.

    Raises:
        PusherError: a bad address, or keys that cannot be used.
    """

    def __init__(self, address: str, *, keys: Keys | None = None, wait_s: float = 0.0) -> None:
        self.sent = 0
        self.dropped = 0
        options: dict[zmq.SocketOption, int] = {
            zmq.SNDHWM: 1,
            zmq.IMMEDIATE: 1,  # nothing waits for a node that is not there
            zmq.SNDTIMEO: int(wait_s * 1000),
        }
        try:
            self._client = ClientSocket(zmq.PUSH, options, address, keys)
        except (ConnectError, KeyFileError) as error:
            raise PusherError(str(error)) from error
        self._socket = self._client.socket

    def send(
        self,
        image: bytes | bytearray | memoryview | Array,
        captured_unix_ns: int | None = None,
        *,
        colours: Literal["rgb8", "bgr8"] = "rgb8",
        pts: int | None = None,
        frame_id: str | None = None,
    ) -> bool:
        """Send one picture.

        Args:
            image: uint8 of shape (height, width, 3) or, if it is grey, (height, width), however it lies in memory; or
                the bytes of a JPEG.
            captured_unix_ns: when it was taken; None means now.
            colours: the order of the channels; OpenCV's pictures are bgr8.
            pts: when it was taken on the camera's own clock, in ns, if there is one.
            frame_id: the camera's coordinate frame.

        Returns:
            False where it was dropped, because no node is there or it is still busy with those before.

        Raises:
            PusherError: no picture, one that is too large, or a time that is no integer.
        """
        view = _memory_of(image)
        encoding, width, height = _read_shape(view, colours)
        captured_ns = time.time_ns() if captured_unix_ns is None else _integer("captured_unix_ns", captured_unix_ns)
        pts = None if pts is None else _integer("pts", pts)
        try:
            header = pack_push(PushHeader(encoding, width, height, captured_ns, pts, frame_id))
            self._socket.send_multipart([header, view if view.c_contiguous else view.tobytes()])  # row by row
        except MessageError as error:
            raise PusherError(str(error)) from error
        except zmq.Again:
            self._client.maintain()
            self.dropped += 1
            return False
        self.sent += 1
        return True

    def close(self) -> None:
        """Close the connection; a picture that is on its way has a tenth of a second to arrive."""
        self._client.close(_LAST_ONE_WITHIN_MS)

    def __enter__(self) -> Pusher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_BYTES = (bytes, bytearray, memoryview)


def _memory_of(image: Any) -> memoryview:
    """The bytes of a JPEG, or the memory of an array.

    Raises:
        PusherError: neither.
    """
    try:
        memory: object = image if type(image) in _BYTES else image.data
        return memoryview(cast("bytes", memory))
    except (AttributeError, TypeError) as error:
        kind = type(image).__name__
        raise PusherError(f"a picture is a uint8 array or the bytes of a JPEG, and not {kind}") from error


def _integer(name: str, value: object) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        kind = type(value).__name__
        raise PusherError(f"{name} is a {kind}: give whole nanoseconds, such as time.time_ns()") from error


def _read_shape(view: memoryview, colours: Encoding) -> tuple[Encoding, int, int]:
    """The encoding, width and height of a picture."""
    if view.format != "B" or view.nbytes > MAX_PICTURE_BYTES or not view.nbytes:
        raise PusherError(f"a picture is made of uint8 and has at most {MAX_PICTURE_BYTES} bytes")
    shape = view.shape or ()
    if len(shape) == 1:
        try:
            return "jpeg", *jpeg_size(view.tobytes())
        except MessageError as error:
            raise PusherError(str(error)) from error
    if len(shape) == 2:
        return "mono8", shape[1], shape[0]
    if len(shape) == 3 and shape[2] == 3:
        return colours, shape[1], shape[0]
    raise PusherError(f"a picture has the shape (height, width, 3) or (height, width), not {tuple(shape)}")
