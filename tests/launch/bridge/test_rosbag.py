"""`groundcast replay --to-rosbag`: a recording becomes an MCAP file of ROS 2 messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ...stream.golden_run import GOLDEN
from ..commands import in_process


def test_a_recording_becomes_a_rosbag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run.mcap"

    ended = in_process(capsys, "replay", GOLDEN, "--to-rosbag", out, "--json")

    figures = json.loads(ended.out)
    assert ended.code == 0
    assert figures["unread"] == 0
    assert figures["messages"] > 80
    assert out.read_bytes()[:8] == b"\x89MCAP0\r\n"


def test_a_file_that_exists_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run.mcap"
    out.write_text("mine")

    ended = in_process(capsys, "replay", GOLDEN, "--to-rosbag", out)

    assert ended.code == 2
    assert f"{out} cannot be written" in ended.sentence
    assert out.read_text() == "mine"
