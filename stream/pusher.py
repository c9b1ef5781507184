"""Pusher: sends a program's own pictures to a node. It needs pyzmq and msgpack, and no numpy."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, cast

import zmq

from .sockets.client_keys import Keys
from .sockets.client_socket import ClientSocket
from .sockets.connect import ConnectError
from .sockets.key_files import KeyFileError
from .wire.push_message import MAX_PICTURE_BYTES, Encoding, PushHeader, jpeg_size, pack_push
from .wire.push_sensor import MAX_DEPTH_PIXELS, DepthHeader, DepthType, PoseMessage, pack_depth, pack_pose
from .wire.topics import MessageError

_LAST_ONE_WITHIN_MS = 100
_MAX_POSES_QUEUED = 64


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
        self._address, self._keys, self._wait_s = address, keys, wait_s
        self._poses: ClientSocket | None = None
        self._client = self._connect(1)
        self._socket = self._client.socket

    def send(
        self,
        image: bytes | bytearray | memoryview | Array,
        captured_unix_ns: int | None = None,
        *,
        colours: Literal["rgb8", "bgr8"] = "rgb8",
        pts: int | None = None,
        frame_id: str | None = None,
        depth: Array | None = None,
        depth_unit_m: float | None = None,
    ) -> bool:
        """Send one picture.

        Args:
            image: uint8 of shape (height, width, 3) or, if it is grey, (height, width), however it lies in memory; or
                the bytes of a JPEG.
            captured_unix_ns: when it was taken; None means now.
            colours: the order of the channels; OpenCV's pictures are bgr8.
            pts: when it was taken on the camera's own clock, in ns, if there is one.
            frame_id: the camera's coordinate frame.
            depth: the depth picture that belongs to it: uint16 or float32 of shape (height, width), 0 or NaN where
                nothing was measured.
            depth_unit_m: metres of a value of 1. float32 is in metres unless it is stated; for uint16 state it.

        Returns:
            False where it was dropped, because no node is there or it is still busy with those before.

        Raises:
            PusherError: no picture, one that is too large, a time that is no integer, or a depth without its unit.
        """
        view = _memory_of(image)
        encoding, width, height = _read_shape(view, colours)
        captured_ns = time.time_ns() if captured_unix_ns is None else _integer("captured_unix_ns", captured_unix_ns)
        pts = None if pts is None else _integer("pts", pts)
        depth_header, body = (None, []) if depth is None else _read_depth(depth, depth_unit_m)
        header = PushHeader(encoding, width, height, captured_ns, pts, frame_id, depth_header)
        return self._send(lambda: pack_push(header), [view if view.c_contiguous else view.tobytes(), *body])

    def send_depth(
        self, depth: Array, captured_unix_ns: int | None = None, *, depth_unit_m: float | None = None
    ) -> bool:
        """Send a depth picture alone, which the node pairs with the picture of the same capture time.

        The arguments, the result and the errors are those of `send`.
        """
        captured_ns = time.time_ns() if captured_unix_ns is None else _integer("captured_unix_ns", captured_unix_ns)
        header, body = _read_depth(depth, depth_unit_m)
        return self._send(lambda: pack_depth(header, captured_ns), body)

    def send_pose(
        self,
        translation_m: Sequence[float],
        quaternion_xyzw: Sequence[float],
        captured_unix_ns: int | None = None,
    ) -> bool:
        """Send where the robot's flange is in its base, `base_from_flange`, for a source with `flange_from_camera`.

        Poses have a connection of their own: a large picture that is on its way holds none of them up.

        Args:
            translation_m: x, y, z in metres.
            quaternion_xyzw: the rotation, of length 1.
            captured_unix_ns: when the pose was measured, by the clock that stamps the pictures; None means now.

        Returns:
            False where it was dropped, because no node is there.

        Raises:
            PusherError: other than three and four finite numbers, or a time that is no integer.
        """
        captured_ns = time.time_ns() if captured_unix_ns is None else _integer("captured_unix_ns", captured_unix_ns)
        pose = _read_pose(translation_m, quaternion_xyzw, captured_ns)
        try:
            body = pack_pose(pose)
        except MessageError as error:
            raise PusherError(str(error)) from error
        if self._poses is None:
            self._poses = self._connect(_MAX_POSES_QUEUED)
        try:
            self._poses.socket.send(body, zmq.NOBLOCK)
        except zmq.Again:
            self._poses.maintain()
            return False
        return True

    def close(self) -> None:
        """Close the connection; a picture that is on its way has a tenth of a second to arrive."""
        self._client.close(_LAST_ONE_WITHIN_MS)
        if self._poses is not None:
            self._poses.close(_LAST_ONE_WITHIN_MS)

    def _connect(self, max_queued: int) -> ClientSocket:
        options: dict[zmq.SocketOption, int] = {
            zmq.SNDHWM: max_queued,
            zmq.IMMEDIATE: 1,  # nothing waits for a node that is not there
            zmq.SNDTIMEO: int(self._wait_s * 1000),
        }
        try:
            return ClientSocket(zmq.PUSH, options, self._address, self._keys)
        except (ConnectError, KeyFileError) as error:
            raise PusherError(str(error)) from error

    def _send(self, pack_header: Callable[[], bytes], body: Sequence[memoryview | bytes]) -> bool:
        try:
            self._socket.send_multipart([pack_header(), *body])
        except MessageError as error:
            raise PusherError(str(error)) from error
        except zmq.Again:
            self._client.maintain()
            self.dropped += 1
            return False
        self.sent += 1
        return True

    def __enter__(self) -> Pusher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read_pose(translation_m: Sequence[float], quaternion_xyzw: Sequence[float], captured_ns: int) -> PoseMessage:
    try:
        x, y, z = map(float, translation_m)
        qx, qy, qz, qw = map(float, quaternion_xyzw)
    except (TypeError, ValueError, OverflowError):
        x = y = z = qx = qy = qz = qw = math.nan
    if not all(map(math.isfinite, (x, y, z, qx, qy, qz, qw))):
        raise PusherError("a pose is three finite numbers in metres and a quaternion of four: x, y, z, w")
    return PoseMessage((x, y, z), (qx, qy, qz, qw), captured_ns)


def _read_depth(depth: Array, unit_m: float | None) -> tuple[DepthHeader, list[memoryview | bytes]]:
    """The header and the bytes of a depth picture.

    Raises:
        PusherError: another type or shape, too many pixels, or a unit that is missing or none.
    """
    view = _memory_of(depth)
    kind = _DEPTH_TYPES.get(view.format or "")
    if kind is None or len(view.shape or ()) != 2 or not view.nbytes:
        raise PusherError("a depth picture is an array of uint16 or float32 with the shape (height, width)")
    if unit_m is None:
        if kind == "uint16":
            raise PusherError("state depth_unit_m, metres of a value of 1: 0.001 for a depth in millimetres")
        unit_m = 1.0
    if not 1e-6 <= unit_m <= 1e3:
        raise PusherError(f"depth_unit_m is {unit_m}: give metres of a value of 1, such as 0.001 for millimetres")
    height, width = view.shape or (0, 0)
    if width * height > MAX_DEPTH_PIXELS:
        raise PusherError(f"the depth picture has {width} x {height} px: a node reads at most {MAX_DEPTH_PIXELS} px")
    return DepthHeader(kind, width, height, float(unit_m)), [view if view.c_contiguous else view.tobytes()]


_DEPTH_TYPES: dict[str, DepthType] = {"H": "uint16", "<H": "uint16", "f": "float32", "<f": "float32"}
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
