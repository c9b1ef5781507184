"""ROS positions: covariance, frame and stamp stand where ROS expects them, and no guess passes as measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groundcast.stream.bridges.ros_messages import RosMarker
from groundcast.stream.bridges.ros_positions import UNKNOWN_ROTATION, detections_3d, has_geometry, markers
from groundcast.stream.position import Position
from groundcast.stream.wire.message_types import DetectionMessage

from ..spoken import detections

PLACE = Position("base", (0.4, -0.1, 0.05), (1e-4, 2e-5, 3e-5, 4e-4, 5e-5, 9e-4), "depth")


def at(place: Position | None, no_position: str | None = None) -> DetectionMessage:
    message = detections(1)
    (mug,) = message.tracks
    return replace(message, tracks=(replace(mug, position=place, no_position=no_position),))


def test_a_position_becomes_a_detection_in_the_robots_frame_at_the_time_of_the_picture() -> None:
    message = at(PLACE)

    found = detections_3d(message, ("matched",))
    (mug,) = found.detections
    measured = mug.results[0].pose

    assert (found.header.frame_id, mug.header.frame_id, mug.id) == ("base", "base", "7")
    assert found.header.stamp.sec * 10**9 + found.header.stamp.nanosec == message.frame.captured_unix_ns
    assert (mug.bbox.center.position.x, mug.bbox.center.position.y, mug.bbox.center.position.z) == PLACE.xyz_m
    assert tuple(measured.covariance[:3]) == (1e-4, 2e-5, 3e-5)
    assert tuple(measured.covariance[6:9]) == (2e-5, 4e-4, 5e-5)
    assert tuple(measured.covariance[12:15]) == (3e-5, 5e-5, 9e-4)
    assert [measured.covariance[index] for index in (21, 28, 35)] == [UNKNOWN_ROTATION] * 3
    assert len(measured.covariance) == 36


@pytest.mark.parametrize(("states", "count"), [(("matched",), 0), (("matched", "coasting"), 1)])
def test_a_predicted_position_is_passed_on_only_where_that_is_asked_for(states: tuple[str, ...], count: int) -> None:
    message = at(replace(PLACE, predicted_s=0.2))

    assert len(detections_3d(message, states).detections) == count  # type: ignore[arg-type]


def test_a_track_without_a_position_is_left_out_and_the_array_is_sent_all_the_same() -> None:
    message = at(None, "no_depth")

    assert has_geometry(message)
    assert detections_3d(message, ("matched",)).detections == []
    assert not has_geometry(at(None))


def test_markers_replace_those_before_and_are_as_large_as_the_uncertainty() -> None:
    clear, body, text = markers(at(PLACE), ("matched",)).markers

    assert clear.action == RosMarker.DELETE_ALL
    assert (body.scale.x, body.scale.y, body.scale.z) == pytest.approx((0.04, 0.08, 0.12))
    assert (text.text, text.type, text.header.frame_id) == ("red mug 7", RosMarker.TEXT, "base")
