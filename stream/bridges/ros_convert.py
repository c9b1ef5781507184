"""ROS conversion: groundcast's messages and statuses as ROS 2 messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ..track import Track, TrackState
from ..wire.message_types import DetectionMessage, StatusMessage
from .ros_messages import (
    RosBoundingBox2D,
    RosCompressedImage,
    RosDetection2D,
    RosDetection2DArray,
    RosDiagnosticArray,
    RosDiagnosticStatus,
    RosHeader,
    RosHypothesis,
    RosHypothesisWithPose,
    RosKeyValue,
    RosPoint2D,
    RosPose2D,
    RosTime,
)

_SECOND_NS = 1_000_000_000
_OK, _WARNING, _ERROR = 0, 1, 2
_LEVELS = {"running": _OK, "ended": _OK, "failed": _ERROR}


def header(message: DetectionMessage) -> RosHeader:
    """When the picture was taken, and the camera's frame.

    The stamp is 0, ROS's "unknown", where the picture has no capture time. The frame is the source's name where the
    user names none.
    """
    return RosHeader(ros_time(message.frame.captured_unix_ns or 0), message.frame.frame_id or message.source)


def ros_time(unix_ns: int) -> RosTime:
    """A moment; ROS counts seconds in 32 bits, up to the year 2038."""
    return RosTime(*divmod(unix_ns, _SECOND_NS))


def detections_2d(message: DetectionMessage, states: Collection[TrackState]) -> RosDetection2DArray:
    """The tracks that are in one of `states`, in image pixels."""
    head = header(message)
    chosen = [track for track in message.tracks if track.state in states]
    return RosDetection2DArray(head, [_detection_2d(track, head) for track in chosen])


def compressed_image(message: DetectionMessage, jpeg: bytes) -> RosCompressedImage:
    """The JPEG of a message's frame."""
    return RosCompressedImage(header(message), "jpeg", np.frombuffer(jpeg, np.uint8))


def diagnostics(statuses: Sequence[StatusMessage], now_unix_ns: int) -> RosDiagnosticArray:
    """The state of every source."""
    return RosDiagnosticArray(RosHeader(ros_time(now_unix_ns)), [_diagnostic(status) for status in statuses])


def _detection_2d(track: Track, head: RosHeader) -> RosDetection2D:
    left, top, right, bottom = track.box_xyxy
    centre = RosPose2D(RosPoint2D((left + right) / 2, (top + bottom) / 2))
    return RosDetection2D(
        head,
        [RosHypothesisWithPose(RosHypothesis(track.phrase, track.score))],
        RosBoundingBox2D(centre, right - left, bottom - top),
        str(track.id),
    )


def _diagnostic(status: StatusMessage) -> RosDiagnosticStatus:
    level = max(_LEVELS.get(status.state, _WARNING), _WARNING if status.warning else _OK)
    said = status.error or status.warning or status.ended
    values = {
        "state": status.state,
        "fps_in": f"{status.fps_in:.2f}",
        "fps_out": f"{status.fps_out:.2f}",
        "frames_decoded": str(status.frames_decoded),
        "dropped_total": str(status.dropped_total),
        "stale_total": str(status.stale_total),
        "reconnects": str(status.reconnects),
        "corrupt": str(status.corrupt),
        "prompt_version": str(status.prompt_version),
        "paused": str(status.paused).lower(),
        **{f"latency_{name}_ms": f"{value:.1f}" for name, value in status.latency_ms.items()},
    }
    return RosDiagnosticStatus(
        level,
        f"groundcast: {status.node}/{status.source}",
        f"{status.state}: {said}" if said else status.state,
        status.source,
        [RosKeyValue(key, value) for key, value in values.items()],
    )
