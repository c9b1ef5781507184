"""ROS 2 definitions: the field lists, type hashes and texts of the message types that a bridge speaks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .ros_messages import RosMessage

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

# vision_msgs 4 (Humble and later), which rosbags does not contain.
VISION_MSGS = {
    "vision_msgs/msg/Point2D": "float64 x\nfloat64 y\n",
    "vision_msgs/msg/Pose2D": "vision_msgs/Point2D position\nfloat64 theta\n",
    "vision_msgs/msg/BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "vision_msgs/msg/BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size\n",
    "vision_msgs/msg/ObjectHypothesis": "string class_id\nfloat64 score\n",
    "vision_msgs/msg/ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n"
    ),
    "vision_msgs/msg/Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id\n"
    ),
    "vision_msgs/msg/Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
    "vision_msgs/msg/Detection3D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox3D bbox\nstring id\n"
    ),
    "vision_msgs/msg/Detection3DArray": "std_msgs/Header header\nvision_msgs/Detection3D[] detections\n",
}


@cache
def type_store() -> Typestore:
    """The message types of ROS 2 Jazzy with vision_msgs beside them. Later distributions have the same definitions."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in VISION_MSGS.items():
        store.register(get_types_from_msg(text, name))
    return store


@cache
def type_hash(ros_type: str) -> str:
    """The hash (RIHS01) by which ROS 2 Iron and later compare two definitions of a type."""
    return type_store().hash_rihs01(ros_type)


@cache
def definition_text(ros_type: str) -> str:
    """The text of a definition with all those that it contains, as an MCAP file stores it."""
    text, _ = type_store().generate_msgdef(ros_type, ros_version=2)
    return text


def cdr_bytes(message: RosMessage) -> bytes:
    """A message as ROS 2 sends and stores it (CDR, little endian).

    rosbags writes them: for ten detections it takes a ninth of the time of cyclonedds' own serializer.
    """
    return bytes(type_store().serialize_cdr(message, message.ROS_TYPE))
