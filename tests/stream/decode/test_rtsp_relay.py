"""RTSP redirects: followed to allowed hosts only, and without the password to other hosts."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from groundcast.stream.options import SourceOptions

from ..encoded_clips import Clip, encode_clip
from ..rtsp_server import Behaviour, RtspServer
from ..watched_reader import WatchedReader


@pytest.fixture(scope="module")
def clip() -> Clip:
    return encode_clip()


@pytest.fixture
def other(clip: Clip) -> Iterator[RtspServer]:
    """A camera at another host."""
    with RtspServer(clip, host="127.0.0.2") as server:
        yield server


def _refusal(url: str) -> str:
    with WatchedReader(SourceOptions("cam", url, open_timeout_s=2.0)) as watched:
        assert watched.until(lambda: watched.stats.error is not None)
        assert not watched.frames
        return watched.stats.error or ""


@pytest.mark.parametrize("status", [300, 301, 302, 305, 399])
def test_a_redirect_to_another_host_is_not_followed(clip: Clip, other: RtspServer, status: int) -> None:
    behaviour = Behaviour(status=status, location=f"{other.url}?key=s3cret", user="viewer", password="s3cret")
    with RtspServer(clip, behaviour=behaviour) as camera:
        said = _refusal(camera.url.replace("//", "//viewer:s3cret@"))
    assert "`redirect_hosts`" in said
    assert "s3cret" not in said
    assert other.connections == 0


def test_a_redirect_on_the_own_host_is_followed_with_the_password(clip: Clip) -> None:
    asks, leads = Behaviour(user="viewer", password="s3cret"), Behaviour(status=302)
    with RtspServer(clip, behaviour=asks) as moved, RtspServer(clip, behaviour=leads) as camera:
        leads.location = moved.url
        with WatchedReader(SourceOptions("cam", camera.url.replace("//", "//viewer:s3cret@"))) as watched:
            assert watched.until_frames(3)


def test_a_named_host_is_followed_to_without_the_password(clip: Clip, other: RtspServer) -> None:
    behaviour = Behaviour(status=302, location=other.url, user="viewer", password="s3cret")
    with RtspServer(clip, behaviour=behaviour) as camera:
        url = camera.url.replace("//", "//viewer:s3cret@")
        with WatchedReader(SourceOptions("cam", url, redirect_hosts=("127.0.0.2",))) as watched:
            assert watched.until_frames(3)
    assert not [request for request in other.requests if "Authorization" in request or "viewer" in request]


def test_a_camera_that_leads_in_circles_is_given_up(clip: Clip) -> None:
    behaviour = Behaviour(status=302)
    with RtspServer(clip, behaviour=behaviour) as camera:
        behaviour.location = camera.url
        assert "without end" in _refusal(camera.url)
    assert camera.connections < 10


@pytest.mark.parametrize(
    "answer",
    [
        "RTSP/1.0 0302 Moved\r\nCSeq: 1\r\nLocation: {0}\r\n\r\n",
        "RTSP/1.0  302 Moved\r\nCSeq: 1\r\nLocation: {0}\r\n\r\n",
        "RTSP/1.0 +302 Moved\r\nCSeq: 1\r\nLocation: {0}\r\n\r\n",
        "RTSP/1.0 4294967598 Moved\r\nCSeq: 1\r\nLocation: {0}\r\n\r\n",
        "RT\rSP/1.0 3\r02 Moved\r\nCSeq: 1\r\nLocation: {0}\r\n\r\n",
        "RTSP/1.0 302 Moved\nCSeq: 1\nlocation: {0}\n\n",
        "RTSP/1.0 200 OK\r\nContent-Length: 99\r\ncontent-length: 0\r\n\r\nRTSP/1.0 302 a\r\nLocation: {0}\r\n\r\n",
        "RTSP/1.0 200 OK\r\nContent-Length: 80\r\n$\0\0\2\r\n\r\n\r\nRTSP/1.0 302 a\r\nLocation: {0}\r\n\r\n        ",
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length : 99\r\n\r\nRTSP/1.0 302 Moved\r\nLocation: {0}\r\n\r\n",
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\nRTSP/1.0 302 Moved\r\nLocation: {0}\r\n\r\n",
        "$\x00\x00\x04abcdRTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: {0}\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nRTSP/1.0 302 Moved\r\nLocation: {0}\r\n\r\n",
    ],
)
def test_no_spelling_of_a_redirect_gets_past_the_relay(other: RtspServer, answer: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(4096)
                        client.sendall(answer.format(other.url).encode("latin-1"))
                        client.settimeout(0.5)
                        with contextlib.suppress(TimeoutError):
                            client.recv(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        _refusal(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/live")
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    assert other.connections == 0


def test_the_camera_is_asked_under_its_own_address(clip: Clip) -> None:
    camera = RtspServer(clip, behaviour=Behaviour(user="viewer", password="s3cret"))
    url = camera.url.replace("//", "//viewer:s3cret@")
    with camera, WatchedReader(SourceOptions("cam", url)) as watched:
        assert watched.until_frames(1)
    assert all(f"rtsp://127.0.0.1:{camera.port}/live" in request.split("\r\n")[0] for request in camera.requests)
    signed = [request for request in camera.requests if "Authorization" in request]
    assert signed
    assert all(f'uri="rtsp://127.0.0.1:{camera.port}/live' in request for request in signed)


def test_no_thread_and_no_descriptor_of_a_relay_is_left(clip: Clip) -> None:
    with RtspServer(clip) as camera:
        open_before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(3):
            with WatchedReader(SourceOptions("cam", camera.url)) as watched:
                assert watched.until_frames(1)
        camera.close()
    with WatchedReader(SourceOptions("cam", camera.url)) as watched:
        assert watched.until(
            lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("relay")]
        )
    assert len(os.listdir("/proc/self/fd")) <= open_before  # noqa: PTH208
