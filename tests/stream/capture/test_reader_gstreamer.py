"""An independent camera: GStreamer's RTSP server, through the relay, over TCP and UDP, with and without a password."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundcast.stream.options import SourceOptions

from ..rtsp_server import free_port
from ..watched_reader import WatchedReader

SystemServer = Callable[..., subprocess.Popen[str]]
pytestmark = pytest.mark.gstreamer


@pytest.fixture
def gstreamer() -> Iterator[SystemServer]:
    """Starts GStreamer's RTSP server on a port, and waits until it listens."""
    python, program = Path("/usr/bin/python3"), Path(__file__).parents[1] / "gstreamer_server.py"
    servers: list[subprocess.Popen[str]] = []

    def start(port: int, *password: str) -> subprocess.Popen[str]:
        if not python.exists():
            pytest.skip("there is no system Python to run GStreamer's server with")
        command = [str(python), str(program), str(port), *password]
        servers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        stdout, stderr = servers[-1].stdout, servers[-1].stderr
        assert stdout is not None
        assert stderr is not None
        if not stdout.readline():
            error = stderr.read()
            assert "No module named 'gi'" in error or "not available" in error, error
            pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)")
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.communicate()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("method", ["", "basic", "digest"], ids=["no password", "basic", "digest"])
def test_gstreamers_server_is_read_over_both_transports(gstreamer: SystemServer, transport: str, method: str) -> None:
    port = free_port()
    gstreamer(port, *((method, "viewer", "s3:cr@t") if method else ()))
    url = f"rtsp://{'viewer:s3%3Acr%40t@' if method else ''}127.0.0.1:{port}/live"
    with WatchedReader(SourceOptions("cam", url, transport=transport)) as watched:  # type: ignore[arg-type]
        assert watched.until_frames(5)
        frames, stats = watched.frames, watched.stats
    assert frames[0].image.shape == (240, 320, 3)
    assert {frame.clock for frame in frames} <= {"rtcp", "arrival"}
    assert (stats.state, stats.error, stats.corrupt, stats.reconnects) == ("running", None, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamers_server_is_read_in_a_decoder_process(gstreamer: SystemServer, transport: str) -> None:
    port = free_port()
    gstreamer(port, "digest", "viewer", "s3cret")
    url = f"rtsp://viewer:s3cret@127.0.0.1:{port}/live"
    options = SourceOptions("cam", url, transport=transport, decode_process=True)  # type: ignore[arg-type]
    with WatchedReader(options, pictures=False) as watched:
        assert watched.until_frames(5)
        assert (watched.stats.state, watched.stats.error) == ("running", None)


@pytest.mark.parametrize("method", ["basic", "digest"])
def test_gstreamers_server_refuses_a_wrong_password(gstreamer: SystemServer, method: str) -> None:
    port = free_port()
    gstreamer(port, method, "viewer", "s3cret")
    with WatchedReader(SourceOptions("cam", f"rtsp://viewer:wrong@127.0.0.1:{port}/live")) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert "refused the user or the password" in (watched.stats.error or "")
    assert not watched.frames


def test_gstreamers_server_is_read_again_after_it_was_killed_and_restarted(gstreamer: SystemServer) -> None:
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
