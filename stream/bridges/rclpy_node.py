"""ROS node: publishes and receives through rclpy, with the ROS 2 that is sourced."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingImports=false, reportMissingTypeStubs=false

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import fields
from functools import cache, partial
from typing import Any

import numpy as np

from .ros_messages import RosMessage
from .ros_topics import ReceivedText, RosTopic

_MAX_WAITING = 100
_MISSING = "{what} cannot be loaded: source a ROS 2 that has vision_msgs, or give --through dds, which needs no ROS"


class RosMissingError(ImportError):
    """ROS 2, or a package of it, is not there; one sentence."""


class RclpyNode:
    """An ordinary ROS node, which `ros2 node list` shows. Domain, discovery and middleware are those of the ROS.

    Args:
        name, namespace: of the node.

    Raises:
        RosMissingError: no ROS is sourced.
    """

    def __init__(self, name: str, namespace: str) -> None:
        try:
            import rclpy
            import rclpy.executors
            import rclpy.qos
        except ImportError as error:
            raise RosMissingError(_MISSING.format(what=error.name)) from error
        self._qos: Any = rclpy.qos
        self._context: Any = rclpy.Context()
        self._context.init()
        self._node: Any = rclpy.create_node(name, namespace=namespace, context=self._context)
        self._executor: Any = rclpy.executors.SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._publishers: dict[str, Any] = {}
        self._texts: dict[str, deque[ReceivedText]] = {}

    def publish(self, topic: RosTopic, message: RosMessage) -> None:
        self._publisher(topic).publish(_ros_object(message))

    def advertise(self, topic: RosTopic) -> None:
        self._publisher(topic)

    def is_wanted(self, topic: RosTopic) -> bool:
        return self._publisher(topic).get_subscription_count() > 0

    def listen(self, topic: RosTopic) -> None:
        if topic.name in self._texts:
            return
        texts = self._texts[topic.name] = deque[ReceivedText](maxlen=_MAX_WAITING)
        kind, profile = _ros_class(topic.ros_type), self._profile(topic)
        self._node.create_subscription(kind, topic.name, partial(_keep, texts), profile)

    def take(self, topic: RosTopic) -> Sequence[ReceivedText]:
        self._executor.spin_once(timeout_sec=0)
        texts = self._texts[topic.name]
        return [texts.popleft() for _ in range(len(texts))]

    def publishers(self, topic: RosTopic) -> None:
        """Unknown: rclpy does not say on every distribution which publisher a message came from."""

    def close(self) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.shutdown()

    def _publisher(self, topic: RosTopic) -> Any:
        publisher = self._publishers.get(topic.name)
        if publisher is None:
            kind, profile = _ros_class(topic.ros_type), self._profile(topic)
            publisher = self._publishers[topic.name] = self._node.create_publisher(kind, topic.name, profile)
        return publisher

    def _profile(self, topic: RosTopic) -> Any:
        policies = self._qos.ReliabilityPolicy
        reliability = policies.RELIABLE if topic.reliable else policies.BEST_EFFORT
        return self._qos.QoSProfile(
            reliability=reliability, history=self._qos.HistoryPolicy.KEEP_LAST, depth=topic.depth
        )


def _keep(texts: deque[ReceivedText], message: Any) -> None:
    texts.append(ReceivedText(message.data, "ros"))


def _ros_object(message: Any) -> Any:
    """A message as an object of ROS's own class."""
    made = _ros_class(message.ROS_TYPE)()
    for one in fields(message):
        value = getattr(message, one.name)
        if isinstance(value, list | tuple):
            value = [_ros_object(item) for item in value]
        elif hasattr(value, "ROS_TYPE"):
            value = _ros_object(value)
        elif isinstance(value, np.ndarray) and value.dtype == np.uint8:
            value = value.tobytes()
        elif one.type == "float":
            value = float(value)  # rclpy takes no whole number there
        elif message.ROS_TYPE == "diagnostic_msgs/msg/DiagnosticStatus" and one.name == "level":
            value = bytes([value])  # rclpy has a byte as bytes
        setattr(made, one.name, value)
    return made


@cache
def _ros_class(ros_type: str) -> Any:
    package, _, name = ros_type.split("/")
    return getattr(_message_packages()[package], name)


def _message_packages() -> dict[str, Any]:
    """ROS's packages of messages, which no package index has."""
    try:
        import builtin_interfaces.msg
        import diagnostic_msgs.msg
        import geometry_msgs.msg
        import sensor_msgs.msg
        import std_msgs.msg
        import vision_msgs.msg
        import visualization_msgs.msg
    except ImportError as error:
        raise RosMissingError(_MISSING.format(what=error.name)) from error
    return {
        "builtin_interfaces": builtin_interfaces.msg,
        "diagnostic_msgs": diagnostic_msgs.msg,
        "geometry_msgs": geometry_msgs.msg,
        "sensor_msgs": sensor_msgs.msg,
        "std_msgs": std_msgs.msg,
        "vision_msgs": vision_msgs.msg,
        "visualization_msgs": visualization_msgs.msg,
    }
