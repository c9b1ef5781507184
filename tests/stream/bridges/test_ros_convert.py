"""ROS conversion: what of a message stands where in ROS, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groundcast.stream.bridges.ros_convert import detections_2d, diagnostics, header
from groundcast.stream.stats import SourceState
from groundcast.stream.track import TrackState

from ..spoken import detections, status


def test_without_a_capture_time_the_stamp_is_unknown_not_now() -> None:
    message = detections(1)
    from_a_file = replace(message, frame=replace(message.frame, captured_unix_ns=None, frame_id="wrist_optical"))

    found = header(from_a_file)

    assert (found.stamp.sec, found.stamp.nanosec, found.frame_id) == (0, 0, "wrist_optical")


@pytest.mark.parametrize(("states", "ids"), [(("matched",), ["7"]), (("matched", "coasting"), ["7", "8"])])
def test_a_predicted_box_is_passed_on_only_where_that_is_asked_for(states: list[TrackState], ids: list[str]) -> None:
    message = detections(1)
    (mug,) = message.tracks
    message = replace(message, tracks=(mug, replace(mug, id=8, state="coasting", detected_xyxy=None)))

    assert [one.id for one in detections_2d(message, states).detections] == ids


def test_a_picture_without_anything_is_an_empty_array() -> None:
    assert detections_2d(replace(detections(1), tracks=()), ("matched",)).detections == []


@pytest.mark.parametrize(
    ("state", "warning", "level"),
    [("running", None, 0), ("running", "its clock jumps", 1), ("reconnecting", None, 1), ("failed", None, 2)],
)
def test_the_level_of_a_diagnostic_follows_the_state(state: SourceState, warning: str | None, level: int) -> None:
    (found,) = diagnostics([replace(status(1, state), warning=warning)], 0).status

    assert found.level == level
    assert found.message == (f"{state}: {warning}" if warning else state)
