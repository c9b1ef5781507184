"""ROS topics: names that ROS allows, and no two sources under one."""

from __future__ import annotations

import pytest

from groundcast.stream.bridges.ros_topics import RosNameError, RosTopics


def test_a_topic_begins_with_the_namespace_and_the_node() -> None:
    topics = RosTopics("eyes", "/arm_1")

    assert topics.of("bench", "wrist").detections.name == "/arm_1/eyes/wrist/detections"
    assert topics.of("bench", "wrist").image.name == "/arm_1/eyes/wrist/image/compressed"
    assert topics.prompt.name == "/arm_1/eyes/prompt"


@pytest.mark.parametrize(("source", "name"), [("cam-1", "cam_1"), ("door.left", "door_left"), ("3", "source_3")])
def test_a_source_gets_a_name_that_ros_allows(source: str, name: str) -> None:
    assert RosTopics().of("bench", source).detections.name == f"/groundcast/{name}/detections"


def test_two_sources_never_share_a_topic() -> None:
    topics = RosTopics()
    names = {topics.of("bench", source).detections.name for source in ("cam-1", "cam.1", "cam_1", "cam-1")}

    assert len(names) == 3


@pytest.mark.parametrize("name", ["", "1st", "two words", "a/b", "x-y"])
def test_a_name_that_ros_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(RosNameError, match="is not a name in ROS"):
        RosTopics(name)
