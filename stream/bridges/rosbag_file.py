"""Rosbag file: recorded messages as ROS 2 messages in an MCAP file, for `ros2 bag play` and Foxglove."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import IO

from mcap.well_known import MessageEncoding, Profile, SchemaEncoding
from mcap.writer import Writer

from ..track import TrackState
from ..wire.header import check_parts
from ..wire.message import decode_detections, decode_picture_header, decode_status
from ..wire.message_types import DetectionMessage, PictureHeader
from ..wire.topics import MessageError, parse_topic
from .ros_convert import compressed_image, detections_2d, diagnostics
from .ros_definitions import cdr_bytes, definition_text
from .ros_messages import RosMessage
from .ros_positions import detections_3d, has_geometry, markers
from .ros_topics import RosTopic, RosTopics

_MAX_WAITING_PICTURES = 100
_Key = tuple[str, str, int, int, int]


class RosbagError(OSError):
    """The file cannot be written; one sentence."""


class RosbagFile:
    """Writes messages of a node, as they were received, into one new file.

    Args:
        path: the MCAP file; it must not exist.
        topics: under which names.
        states: which tracks are passed on.

    Attributes:
        messages: the ROS messages written.
        unread: messages of the recording that could not be read.

    Raises:
        RosbagError: the file exists, or (from every method) the disk is full or fails.
    """

    def __init__(self, path: Path, topics: RosTopics, states: Collection[TrackState] = ("matched",)) -> None:
        self.messages = 0
        self.unread = 0
        self._path = path
        self._topics = topics
        self._states = frozenset(states)
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._pictures: dict[_Key, tuple[bytes, int]] = {}  # that came before their message
        self._recent: dict[_Key, DetectionMessage] = {}
        try:
            self._file: IO[bytes] = path.open("xb")
        except OSError as error:
            raise self._failure(error) from error
        self._writer = Writer(self._file)
        self._writer.start(Profile.ROS2, "groundcast")

    def put(self, topic: bytes, parts: tuple[bytes, ...], received_unix_ns: int) -> None:
        """Write what a message of the node becomes in ROS. What cannot be read is counted, and left out."""
        try:
            known = parse_topic(topic)
            check_parts(topic, parts)
            if known.kind == "det":
                self._put_detections(decode_detections(parts[0]), received_unix_ns)
            elif known.kind == "sys":
                status = decode_status(parts[0])
                told = diagnostics([status], status.published_unix_ns)
                self._write(self._topics.diagnostics, told, received_unix_ns)
            elif known.kind == "img":
                self._put_picture(decode_picture_header(parts[0]), parts[1], received_unix_ns)
        except MessageError:
            self.unread += 1

    def close(self) -> None:
        """Finish the file. May be called twice."""
        if self._file.closed:
            return
        try:
            with self._file:
                self._writer.finish()
        except OSError as error:
            raise self._failure(error) from error

    def __enter__(self) -> RosbagFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put_detections(self, message: DetectionMessage, received_unix_ns: int) -> None:
        topics = self._topics.of(message.node, message.source)
        self._write(topics.detections, detections_2d(message, self._states), received_unix_ns)
        if has_geometry(message):
            self._write(topics.detections_3d, detections_3d(message, self._states), received_unix_ns)
            self._write(topics.markers, markers(message, self._states), received_unix_ns)
        key = _key(message)
        waiting = self._pictures.pop(key, None)
        if waiting is not None:
            self._write(topics.image, compressed_image(message, waiting[0]), waiting[1])
        else:
            self._recent[key] = message
            if len(self._recent) > _MAX_WAITING_PICTURES:
                del self._recent[next(iter(self._recent))]

    def _put_picture(self, header: PictureHeader, jpeg: bytes, received_unix_ns: int) -> None:
        """The stamp of a picture is in the message that it belongs to, whichever of the two comes first."""
        key = _key(header)
        message = self._recent.pop(key, None)
        if message is not None:
            image = self._topics.of(message.node, message.source).image
            self._write(image, compressed_image(message, jpeg), received_unix_ns)
            return
        self._pictures[key] = (jpeg, received_unix_ns)
        if len(self._pictures) > _MAX_WAITING_PICTURES:
            del self._pictures[next(iter(self._pictures))]
            self.unread += 1

    def _write(self, topic: RosTopic, message: RosMessage, log_ns: int) -> None:
        try:
            channel = self._channels.get(topic.name)
            if channel is None:
                channel = self._channels[topic.name] = self._writer.register_channel(
                    topic.name, MessageEncoding.CDR, self._schema(topic.ros_type)
                )
            self._writer.add_message(channel, log_ns, cdr_bytes(message), log_ns)
        except OSError as error:
            raise self._failure(error) from error
        self.messages += 1

    def _schema(self, ros_type: str) -> int:
        if ros_type not in self._schemas:
            text = definition_text(ros_type).encode()
            self._schemas[ros_type] = self._writer.register_schema(ros_type, SchemaEncoding.ROS2, text)
        return self._schemas[ros_type]

    def _failure(self, error: OSError) -> RosbagError:
        return RosbagError(f"{self._path} cannot be written ({error.strerror}): name another file")


def _key(of: DetectionMessage | PictureHeader) -> _Key:
    return of.node, of.source, of.epoch, of.generation, of.seq
