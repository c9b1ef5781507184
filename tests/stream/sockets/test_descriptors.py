"""Sources and sockets of a process that has no file descriptor left."""

from __future__ import annotations

import subprocess
import sys

import pytest

from groundcast.model.tabletop.clip_truth import CLIP_PATH
from groundcast.stream.options import SourceOptions

from ..exhaustion import no_descriptors_left
from ..watched_reader import WatchedReader


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_camera_is_not_said_to_be_unknown_while_no_descriptor_is_left(host: str) -> None:
    with no_descriptors_left(), WatchedReader(SourceOptions("cam", f"rtsp://{host}:9/live")) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert watched.stats.error is not None
        assert watched.stats.error.startswith(f"rtsp://{host}:9/live waits for a free file descriptor")


def test_a_file_that_could_not_be_opened_for_want_of_a_descriptor_is_read_later() -> None:
    with no_descriptors_left() as give_back, WatchedReader(SourceOptions("clip", str(CLIP_PATH))) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        give_back()
        assert watched.until_frames(1)


def test_a_node_raises_its_limit_to_what_it_may_have() -> None:
    program = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512))\n"
        "from groundcast.stream.sockets.descriptors import raise_limit\n"
        "raise_limit()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "(512, 512)\n"
