"""ROS 2 messages: the few types that a bridge sends, as dataclasses with ROS's own field names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

NO_COVARIANCE: NDArray[np.float64] = np.zeros(36)
NO_BYTES: NDArray[np.uint8] = np.zeros(0, np.uint8)


@dataclass(frozen=True, slots=True)
class RosTime:
    """A moment, or a length of time."""

    ROS_TYPE: ClassVar[str] = "builtin_interfaces/msg/Time"
    sec: int = 0
    nanosec: int = 0


@dataclass(frozen=True, slots=True)
class RosDuration:
    """A length of time."""

    ROS_TYPE: ClassVar[str] = "builtin_interfaces/msg/Duration"
    sec: int = 0
    nanosec: int = 0


@dataclass(frozen=True, slots=True)
class RosHeader:
    """When, and in which coordinate frame."""

    ROS_TYPE: ClassVar[str] = "std_msgs/msg/Header"
    stamp: RosTime = RosTime()
    frame_id: str = ""


@dataclass(frozen=True, slots=True)
class RosString:
    """A text."""

    ROS_TYPE: ClassVar[str] = "std_msgs/msg/String"
    data: str = ""


@dataclass(frozen=True, slots=True)
class RosColor:
    """Red, green, blue and opacity, 0..1."""

    ROS_TYPE: ClassVar[str] = "std_msgs/msg/ColorRGBA"
    r: float = 0.0
    g: float = 0.0
    b: float = 0.0
    a: float = 0.0


@dataclass(frozen=True, slots=True)
class RosPoint:
    """A place in metres."""

    ROS_TYPE: ClassVar[str] = "geometry_msgs/msg/Point"
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


@dataclass(frozen=True, slots=True)
class RosVector3:
    """A size, or a direction, in metres."""

    ROS_TYPE: ClassVar[str] = "geometry_msgs/msg/Vector3"
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


@dataclass(frozen=True, slots=True)
class RosQuaternion:
    """An orientation."""

    ROS_TYPE: ClassVar[str] = "geometry_msgs/msg/Quaternion"
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    w: float = 1.0


@dataclass(frozen=True, slots=True)
class RosPose:
    """A place and an orientation."""

    ROS_TYPE: ClassVar[str] = "geometry_msgs/msg/Pose"
    position: RosPoint = RosPoint()
    orientation: RosQuaternion = RosQuaternion()


@dataclass(frozen=True, slots=True)
class RosPoseWithCovariance:
    """A pose with its 6x6 covariance by rows: x, y, z, then the rotations about them."""

    ROS_TYPE: ClassVar[str] = "geometry_msgs/msg/PoseWithCovariance"
    pose: RosPose = RosPose()
    covariance: NDArray[np.float64] = field(default_factory=lambda: NO_COVARIANCE)


@dataclass(frozen=True, slots=True)
class RosPoint2D:
    """A place in image pixels."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/Point2D"
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class RosPose2D:
    """A place and an angle in the picture."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/Pose2D"
    position: RosPoint2D = RosPoint2D()
    theta: float = 0.0


@dataclass(frozen=True, slots=True)
class RosBoundingBox2D:
    """A box in image pixels."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/BoundingBox2D"
    center: RosPose2D = RosPose2D()
    size_x: float = 0.0
    size_y: float = 0.0


@dataclass(frozen=True, slots=True)
class RosBoundingBox3D:
    """A box in metres; a size of 0 is unknown."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/BoundingBox3D"
    center: RosPose = RosPose()
    size: RosVector3 = RosVector3()


@dataclass(frozen=True, slots=True)
class RosHypothesis:
    """A phrase and its score."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/ObjectHypothesis"
    class_id: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class RosHypothesisWithPose:
    """A phrase, its score and where the object is."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/ObjectHypothesisWithPose"
    hypothesis: RosHypothesis = RosHypothesis()
    pose: RosPoseWithCovariance = RosPoseWithCovariance()


@dataclass(frozen=True, slots=True)
class RosDetection2D:
    """One object in a picture."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/Detection2D"
    header: RosHeader = RosHeader()
    results: Sequence[RosHypothesisWithPose] = ()
    bbox: RosBoundingBox2D = RosBoundingBox2D()
    id: str = ""


@dataclass(frozen=True, slots=True)
class RosDetection2DArray:
    """The objects in a picture."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/Detection2DArray"
    header: RosHeader = RosHeader()
    detections: Sequence[RosDetection2D] = ()


@dataclass(frozen=True, slots=True)
class RosDetection3D:
    """One object in space."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/Detection3D"
    header: RosHeader = RosHeader()
    results: Sequence[RosHypothesisWithPose] = ()
    bbox: RosBoundingBox3D = RosBoundingBox3D()
    id: str = ""


@dataclass(frozen=True, slots=True)
class RosDetection3DArray:
    """The objects in space."""

    ROS_TYPE: ClassVar[str] = "vision_msgs/msg/Detection3DArray"
    header: RosHeader = RosHeader()
    detections: Sequence[RosDetection3D] = ()


@dataclass(frozen=True, slots=True)
class RosCompressedImage:
    """A picture as a JPEG file."""

    ROS_TYPE: ClassVar[str] = "sensor_msgs/msg/CompressedImage"
    header: RosHeader = RosHeader()
    format: str = ""
    data: NDArray[np.uint8] = field(default_factory=lambda: NO_BYTES)


@dataclass(frozen=True, slots=True)
class RosUVCoordinate:
    """A place in a texture."""

    ROS_TYPE: ClassVar[str] = "visualization_msgs/msg/UVCoordinate"
    u: float = 0.0
    v: float = 0.0


@dataclass(frozen=True, slots=True)
class RosMeshFile:
    """A mesh, which a bridge never sends."""

    ROS_TYPE: ClassVar[str] = "visualization_msgs/msg/MeshFile"
    filename: str = ""
    data: NDArray[np.uint8] = field(default_factory=lambda: NO_BYTES)


@dataclass(frozen=True, slots=True)
class RosMarker:
    """A shape that RViz draws."""

    ROS_TYPE: ClassVar[str] = "visualization_msgs/msg/Marker"
    SPHERE: ClassVar[int] = 2
    TEXT: ClassVar[int] = 9
    DELETE_ALL: ClassVar[int] = 3

    header: RosHeader = RosHeader()
    ns: str = ""
    id: int = 0
    type: int = 0
    action: int = 0
    pose: RosPose = RosPose()
    scale: RosVector3 = RosVector3()
    color: RosColor = RosColor()
    lifetime: RosDuration = RosDuration()
    frame_locked: bool = False
    points: Sequence[RosPoint] = ()
    colors: Sequence[RosColor] = ()
    texture_resource: str = ""
    texture: RosCompressedImage = RosCompressedImage()
    uv_coordinates: Sequence[RosUVCoordinate] = ()
    text: str = ""
    mesh_resource: str = ""
    mesh_file: RosMeshFile = RosMeshFile()
    mesh_use_embedded_materials: bool = False


@dataclass(frozen=True, slots=True)
class RosMarkerArray:
    """Shapes that RViz draws."""

    ROS_TYPE: ClassVar[str] = "visualization_msgs/msg/MarkerArray"
    markers: Sequence[RosMarker] = ()


@dataclass(frozen=True, slots=True)
class RosKeyValue:
    """One figure of a status."""

    ROS_TYPE: ClassVar[str] = "diagnostic_msgs/msg/KeyValue"
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class RosDiagnosticStatus:
    """How a source is doing: level 0 is in order, 1 a warning, 2 an error, 3 stale."""

    ROS_TYPE: ClassVar[str] = "diagnostic_msgs/msg/DiagnosticStatus"
    level: int = 0
    name: str = ""
    message: str = ""
    hardware_id: str = ""
    values: Sequence[RosKeyValue] = ()


@dataclass(frozen=True, slots=True)
class RosDiagnosticArray:
    """How the sources are doing."""

    ROS_TYPE: ClassVar[str] = "diagnostic_msgs/msg/DiagnosticArray"
    header: RosHeader = RosHeader()
    status: Sequence[RosDiagnosticStatus] = ()


RosMessage = (
    RosString | RosDetection2DArray | RosDetection3DArray | RosCompressedImage | RosMarkerArray | RosDiagnosticArray
)
"""What is sent under a topic of its own."""
