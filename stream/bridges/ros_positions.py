"""ROS positions: tracks whose place in metres is known, as detections in space and as markers for RViz."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..position import Position
from ..track import Track, TrackState
from ..wire.message_types import DetectionMessage
from .ros_convert import ros_time
from .ros_messages import (
    RosBoundingBox3D,
    RosColor,
    RosDetection3D,
    RosDetection3DArray,
    RosDuration,
    RosHeader,
    RosHypothesis,
    RosHypothesisWithPose,
    RosMarker,
    RosMarkerArray,
    RosPoint,
    RosPose,
    RosPoseWithCovariance,
    RosVector3,
)

UNKNOWN_ROTATION = math.pi**2
"""The variance of each rotation, in rad^2: a position says nothing about the orientation."""

_SIGMAS_SHOWN = 4.0  # the ellipsoid reaches two standard deviations to each side
_MIN_SIZE_M = 0.01
_TEXT_M = 0.04
_LIFETIME = RosDuration(1)
_TEXT_COLOR = RosColor(1.0, 1.0, 1.0, 1.0)
_BODY_COLOR = RosColor(0.2, 0.7, 1.0, 0.6)


def has_geometry(message: DetectionMessage) -> bool:
    """Whether the node looks for positions in this source, found or not."""
    return message.frame.pose is not None or any(one.position or one.no_position for one in message.tracks)


def detections_3d(message: DetectionMessage, states: Iterable[TrackState]) -> RosDetection3DArray:
    """The tracks that are in one of `states` and have a position, in metres.

    A position that was predicted, not measured in this frame, is given only where `states` has "coasting". The
    orientation is not measured: its variances are `UNKNOWN_ROTATION`. A size of 0 is unknown.
    """
    found = list(_placed(message.tracks, frozenset(states)))
    stamp = ros_time(message.frame.captured_unix_ns or 0)
    frame = found[0][1].frame if found else message.frame.pose.frame if message.frame.pose else ""
    return RosDetection3DArray(
        RosHeader(stamp, frame),
        [_detection_3d(track, place, RosHeader(stamp, place.frame)) for track, place in found],
    )


def markers(message: DetectionMessage, states: Iterable[TrackState]) -> RosMarkerArray:
    """An ellipsoid of two standard deviations and a text for each position, in the place of those before."""
    stamp = ros_time(message.frame.captured_unix_ns or 0)
    shown = [RosMarker(header=RosHeader(stamp, message.source), action=RosMarker.DELETE_ALL)]
    for track, place in _placed(message.tracks, frozenset(states)):
        shown += _shapes(track, place, RosHeader(stamp, place.frame))
    return RosMarkerArray(shown)


def _placed(tracks: Sequence[Track], states: frozenset[TrackState]) -> Iterator[tuple[Track, Position]]:
    for track in tracks:
        place = track.position
        if track.state in states and place is not None and (place.predicted_s is None or "coasting" in states):
            yield track, place


def _detection_3d(track: Track, place: Position, header: RosHeader) -> RosDetection3D:
    pose = RosPose(RosPoint(*place.xyz_m))
    hypothesis = RosHypothesis(track.phrase, track.score)
    measured = RosPoseWithCovariance(pose, _covariance(place))
    return RosDetection3D(header, [RosHypothesisWithPose(hypothesis, measured)], RosBoundingBox3D(pose), str(track.id))


def _covariance(place: Position) -> NDArray[np.float64]:
    """The 6x6 matrix by rows."""
    xx, xy, xz, yy, yz, zz = place.covariance_m2
    whole = np.diag([0.0] * 3 + [UNKNOWN_ROTATION] * 3)
    whole[:3, :3] = ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))
    return whole.ravel()


def _shapes(track: Track, place: Position, header: RosHeader) -> list[RosMarker]:
    x, y, z = place.xyz_m
    variances = (place.covariance_m2[0], place.covariance_m2[3], place.covariance_m2[5])
    size = RosVector3(*(max(_MIN_SIZE_M, _SIGMAS_SHOWN * math.sqrt(max(0.0, one))) for one in variances))
    body = RosMarker(
        header=header, ns="position", id=track.id, type=RosMarker.SPHERE, pose=RosPose(RosPoint(x, y, z)),
        scale=size, color=_BODY_COLOR, lifetime=_LIFETIME,
    )  # fmt: skip
    text = RosMarker(
        header=header, ns="phrase", id=track.id, type=RosMarker.TEXT,
        pose=RosPose(RosPoint(x, y, z + size.z / 2 + _TEXT_M)), scale=RosVector3(z=_TEXT_M), color=_TEXT_COLOR,
        lifetime=_LIFETIME, text=f"{track.phrase} {track.id}",
    )  # fmt: skip
    return [body, text]
