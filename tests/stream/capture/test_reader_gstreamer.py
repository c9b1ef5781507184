"""A camera that is not ours: GStreamer's RTSP server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundcast.stream.options import SourceOptions

from ..rtsp_server import free_port
from ..watched_reader import WatchedReader


@pytest.fixture
def gstreamer() -> Iterator[Callable[[int], subprocess.Popen[str]]]:
    """Starts GStreamer's RTSP server on a port, and waits until it listens."""
    python, program = Path("/usr/bin/python3"), Path(__file__).parents[1] / "gstreamer_server.py"
    servers: list[subprocess.Popen[str]] = []

    def start(port: int) -> subprocess.Popen[str]:
        if not python.exists():
            pytest.skip("there is no system Python to run GStreamer's server with")
        command = [str(python), str(program), str(port)]
        servers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        stdout = servers[-1].stdout
        if stdout is None or not stdout.readline():
            pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)")
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.communicate()


@pytest.mark.gstreamer
def test_gstreamers_server_is_read_again_after_it_was_killed_and_restarted(
    gstreamer: Callable[[int], subprocess.Popen[str]],
) -> None:
    port = free_port()
    server = gstreamer(port)
    with WatchedReader(SourceOptions("cam", f"rtsp://127.0.0.1:{port}/live")) as watched:
        assert watched.until_frames(10)
        assert watched.frames[0].image.shape == (240, 320, 3)
        server.kill()
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        before = len(watched.taken)
        gstreamer(port)
        assert watched.until(lambda: len(watched.taken) >= before + 10)
        stats = watched.stats
    assert (stats.state, stats.reconnects) == ("running", 1)
