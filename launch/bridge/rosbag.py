"""`groundcast replay --to-rosbag`: recordings as ROS 2 messages in an MCAP file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer

from ...stream.bridges.ros_topics import RosTopics
from ...stream.bridges.rosbag_file import RosbagFile
from ...stream.recording.mcap_reader import McapReader
from ..exits import RunError, running, say
from ..show.recording_report import fault_lines


def write_rosbag(readers: Sequence[McapReader], path: Path, *, as_json: bool) -> None:
    """Write every message of the recordings, in their order.

    Raises:
        RosbagError: the file exists already, or cannot be made.
        RunError: the disk is full, or there is no message of groundcast.
    """
    with RosbagFile(path, RosTopics()) as file, running():
        for reader in readers:
            for message in reader:
                file.put(message.topic, message.parts, message.received_unix_ns)
    for line in fault_lines(readers):
        say(line)
    if not file.messages:
        raise RunError(f"{path} is empty: the recordings contain no message of groundcast")
    figures = {"out": str(path), "messages": file.messages, "unread": file.unread}
    unread = f", {file.unread} could not be read" if file.unread else ""
    typer.echo(json.dumps(figures) if as_json else f"{path}: {file.messages} ROS 2 messages{unread}")
