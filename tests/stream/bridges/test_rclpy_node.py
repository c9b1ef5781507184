"""The ROS node of rclpy, where no ROS is sourced. With a ROS it is tried by hand, as docs/ros2.md shows."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from groundcast.stream.bridges.rclpy_node import RclpyNode, RosMissingError


@pytest.mark.skipif(find_spec("rclpy") is not None, reason="a ROS 2 is sourced here")
def test_without_a_sourced_ros_one_sentence_says_what_to_do() -> None:
    with pytest.raises(RosMissingError, match=r"rclpy cannot be loaded: source a ROS 2 .* or give --through dds"):
        RclpyNode("groundcast", "/")
