"""Foxglove view: a node's pictures, boxes, positions and state over a WebSocket, for the viewer Foxglove."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import foxglove
from foxglove.channels import CompressedImageChannel, ImageAnnotationsChannel, SceneUpdateChannel
from foxglove.messages import (
    Color,
    CompressedImage,
    Duration,
    ImageAnnotations,
    Point2,
    PointsAnnotation,
    PointsAnnotationType,
    Pose,
    Quaternion,
    SceneEntity,
    SceneEntityDeletion,
    SceneEntityDeletionType,
    SceneUpdate,
    SpherePrimitive,
    TextAnnotation,
    TextPrimitive,
    Timestamp,
    Vector3,
)

from ..track import Track
from ..wire.message_types import DetectionMessage, StatusMessage
from .bridge_figures import BridgeFigures
from .feed import FeedOptions, follow
from .picture_feed import PictureFeed

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_S = 0.2
_SECOND_NS = 1_000_000_000
_COLORS = {
    "matched": Color(r=0.2, g=0.9, b=0.3, a=1.0),
    "tentative": Color(r=0.9, g=0.8, b=0.2, a=1.0),
    "coasting": Color(r=0.6, g=0.6, b=0.6, a=1.0),
}
_DARK = Color(r=0.0, g=0.0, b=0.0, a=0.6)


class FoxgloveError(OSError):
    """The address cannot be served on; one sentence."""


@dataclass(frozen=True, slots=True)
class _Channels:
    image: CompressedImageChannel
    boxes: ImageAnnotationsChannel
    scene: SceneUpdateChannel
    status: foxglove.Channel


class FoxgloveView:
    """Serves the live view until it is stopped.

    Args:
        feed: where messages come from.
        host, port: where Foxglove connects to. It has no keys: any program that reaches it sees the pictures.

    Raises:
        FoxgloveError: the address is taken, or not of this machine.
    """

    def __init__(self, feed: FeedOptions, host: str = "127.0.0.1", port: int = 8765) -> None:
        self.figures = BridgeFigures()
        self._feed = feed
        self._context = foxglove.Context()
        self._channels: dict[tuple[str, str], _Channels] = {}
        self._pictures = PictureFeed(feed, self._send_picture)
        self._look_s = 0.0
        try:
            self._server = foxglove.start_server(name="groundcast", host=host, port=port, context=self._context)
        except (OSError, RuntimeError) as error:
            raise FoxgloveError(f"{host}:{port} cannot be served on ({error}): give another --port") from error

    @property
    def port(self) -> int:
        return self._server.port

    def run(self, stop: Callable[[], bool]) -> None:
        """Pass messages on until `stop()`, or the end of all sources where `feed` says so.

        Raises:
            SubscriberError: an address, a name or keys that cannot be used.
        """
        try:
            counters = follow(self._feed, self._send, self._send_status, self._turn, stop)
        finally:
            self._pictures.close()
            self._server.stop()
        self.figures.gaps, self.figures.refused = counters.gaps, counters.refused

    def _of(self, node: str, source: str) -> _Channels:
        known = self._channels.get((node, source))
        if known is None:
            base, context = f"/{node}/{source}", self._context
            known = self._channels[node, source] = _Channels(
                CompressedImageChannel(f"{base}/image", context=context),
                ImageAnnotationsChannel(f"{base}/boxes", context=context),
                SceneUpdateChannel(f"{base}/positions", context=context),
                foxglove.Channel(f"{base}/status", message_encoding="json", context=context),
            )
        return known

    def _send(self, message: DetectionMessage) -> None:
        self.figures.received += 1
        channels, moment_ns = self._of(message.node, message.source), _moment_ns(message)
        channels.boxes.log(image_annotations(message), log_time=moment_ns)
        self.figures.count("boxes")
        if any(track.position for track in message.tracks):
            channels.scene.log(scene(message), log_time=moment_ns)
            self.figures.count("positions")

    def _send_picture(self, message: DetectionMessage) -> None:
        channel = self._of(message.node, message.source).image
        if message.picture is not None:
            frame = message.frame.frame_id or message.source
            stamp = _timestamp(_moment_ns(message))
            picture = CompressedImage(timestamp=stamp, frame_id=frame, data=message.picture, format="jpeg")
            channel.log(picture, log_time=_moment_ns(message))
            self.figures.count("pictures")

    def _send_status(self, status: StatusMessage) -> None:
        channel = self._of(status.node, status.source).status
        channel.log(json.dumps(asdict(status)).encode(), log_time=status.published_unix_ns)
        self.figures.statuses += 1

    def _turn(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._look_s:
            self._look_s = now_s + _LOOK_EVERY_S
            self._pictures.want(any(one.image.has_sinks() for one in self._channels.values()))


def image_annotations(message: DetectionMessage) -> ImageAnnotations:
    """The boxes with phrase, id and score, in px of the original picture."""
    stamp = _timestamp(_moment_ns(message))
    return ImageAnnotations(
        timestamp=stamp,
        points=[_outline(track) for track in message.tracks],
        texts=[_label(track) for track in message.tracks],
    )


def scene(message: DetectionMessage) -> SceneUpdate:
    """The positions in metres, in the place of those before."""
    stamp = _timestamp(_moment_ns(message))
    placed = [track for track in message.tracks if track.position is not None]
    return SceneUpdate(
        deletions=[SceneEntityDeletion(timestamp=stamp, type=SceneEntityDeletionType.All)],
        entities=[_entity(track, stamp) for track in placed],
    )


def _outline(track: Track) -> PointsAnnotation:
    left, top, right, bottom = track.box_xyxy
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return PointsAnnotation(
        type=PointsAnnotationType.LineLoop,
        points=[Point2(x=x, y=y) for x, y in corners],
        outline_color=_COLORS[track.state],
        thickness=2.0,
    )


def _label(track: Track) -> TextAnnotation:
    left, top, _, _ = track.box_xyxy
    return TextAnnotation(
        position=Point2(x=left, y=top),
        text=f"{track.phrase} {track.id} {track.score:.2f}",
        font_size=14.0,
        text_color=_COLORS[track.state],
        background_color=_DARK,
    )


def _entity(track: Track, stamp: Timestamp) -> SceneEntity:
    assert track.position is not None
    x, y, z = track.position.xyz_m
    sizes = (max(0.01, 4.0 * max(0.0, track.position.covariance_m2[index]) ** 0.5) for index in (0, 3, 5))
    width, depth, height = sizes
    still = Quaternion(x=0.0, y=0.0, z=0.0, w=1.0)
    above = Pose(position=Vector3(x=x, y=y, z=z + height / 2 + 0.04), orientation=still)
    color = _COLORS[track.state]
    return SceneEntity(
        timestamp=stamp,
        frame_id=track.position.frame,
        id=track.uid,
        lifetime=Duration(sec=1, nsec=0),
        spheres=[
            SpherePrimitive(
                pose=Pose(position=Vector3(x=x, y=y, z=z), orientation=still),
                size=Vector3(x=width, y=depth, z=height),
                color=color,
            )
        ],
        texts=[TextPrimitive(pose=above, billboard=True, font_size=0.04, color=color, text=track.phrase)],
    )


def _moment_ns(message: DetectionMessage) -> int:
    """When the picture was taken; when the message was sent, for files, whose pictures have no time."""
    return message.frame.captured_unix_ns or message.published_unix_ns


def _timestamp(unix_ns: int) -> Timestamp:
    return Timestamp(sec=unix_ns // _SECOND_NS, nsec=unix_ns % _SECOND_NS)
