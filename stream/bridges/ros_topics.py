"""ROS topics: their names, types and quality of service, and what a bridge needs of a ROS node."""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .ros_messages import (
    RosCompressedImage,
    RosDetection2DArray,
    RosDetection3DArray,
    RosDiagnosticArray,
    RosMarkerArray,
    RosMessage,
    RosString,
)

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SENSOR_DEPTH = 5  # of ROS's profile for sensor data
_DEPTH = 10


class RosNameError(ValueError):
    """A name that ROS does not allow; one sentence."""


@dataclass(frozen=True, slots=True)
class RosTopic:
    """A topic: its whole name, its type, and its quality of service.

    Args:
        name: with the slash that it begins with.
        ros_type: such as std_msgs/msg/String.
        reliable: lost messages are sent again; otherwise best effort, as ROS has it for sensor data.
        depth: how many messages are kept for a slow subscriber.
    """

    name: str
    ros_type: str
    reliable: bool = False
    depth: int = _SENSOR_DEPTH


@dataclass(frozen=True, slots=True)
class ReceivedText:
    """A text that a ROS node published, and a name for the publisher that lasts as long as the publisher."""

    text: str
    publisher: str


class RosNode(Protocol):
    """What a bridge needs of a node, over DDS or with rclpy."""

    def publish(self, topic: RosTopic, message: RosMessage) -> None:
        """Send a message; the first one, or `advertise`, makes the topic known."""
        ...

    def advertise(self, topic: RosTopic) -> None:
        """Make a topic known before anything is sent."""
        ...

    def is_wanted(self, topic: RosTopic) -> bool:
        """Whether another node subscribes to a topic that was advertised."""
        ...

    def listen(self, topic: RosTopic) -> None:
        """Subscribe to a topic of texts."""
        ...

    def take(self, topic: RosTopic) -> Sequence[ReceivedText]:
        """The texts that have arrived since the last call."""
        ...

    def publishers(self, topic: RosTopic) -> frozenset[str] | None:
        """The publishers of a topic that are there now; None where that cannot be known."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SourceTopics:
    """The topics of one source."""

    detections: RosTopic
    detections_3d: RosTopic
    image: RosTopic
    markers: RosTopic


class RosTopics:
    """The topics of a bridge.

    Args:
        node: the bridge's own name as a ROS node.
        namespace: what its name, and its topics, begin with; "" or such as /arm_1.
        reliable: send detections again that a subscriber misses.

    Raises:
        RosNameError: a name that ROS does not allow.
    """

    def __init__(self, node: str = "groundcast", namespace: str = "", *, reliable: bool = False) -> None:
        for token in (node, *filter(None, namespace.split("/"))):
            if not _NAME.fullmatch(token):
                raise RosNameError(
                    f"{token[:100]!r} is not a name in ROS: use letters, digits and '_', and begin with no digit"
                )
        self.node = node
        self.namespace = "/" + namespace.strip("/")
        self._base = f"{self.namespace.rstrip('/')}/{node}"
        self._reliable = reliable
        self._taken: dict[str, tuple[str, str]] = {}
        self._sources: dict[tuple[str, str], SourceTopics] = {}
        self.prompt = RosTopic(f"{self._base}/prompt", RosString.ROS_TYPE, reliable=True, depth=_DEPTH)
        self.ask = RosTopic(f"{self._base}/ask", RosString.ROS_TYPE, reliable=True, depth=_DEPTH)
        self.diagnostics = RosTopic("/diagnostics", RosDiagnosticArray.ROS_TYPE, reliable=True, depth=_DEPTH)

    def of(self, node: str, source: str) -> SourceTopics:
        """The topics of a source of a groundcast node."""
        known = self._sources.get((node, source))
        if known is None:
            base = f"{self._base}/{self._token(node, source)}"
            known = self._sources[node, source] = SourceTopics(
                RosTopic(f"{base}/detections", RosDetection2DArray.ROS_TYPE, self._reliable),
                RosTopic(f"{base}/detections_3d", RosDetection3DArray.ROS_TYPE, self._reliable),
                RosTopic(f"{base}/image/compressed", RosCompressedImage.ROS_TYPE),
                RosTopic(f"{base}/markers", RosMarkerArray.ROS_TYPE, reliable=True, depth=_DEPTH),
            )
        return known

    def _token(self, node: str, source: str) -> str:
        """A source's name as ROS allows it: its own where that is possible, and never that of another source."""
        token = re.sub(r"[^A-Za-z0-9_]", "_", source)
        token = f"source_{token}" if token[:1].isdigit() else token
        if self._taken.setdefault(token, (node, source)) != (node, source):
            token = f"{token}_{zlib.crc32(f'{node}/{source}'.encode()):08x}"
            _LOG.warning("source %s of node %s is called %s in ROS: its own name is taken there", source, node, token)
        return token
