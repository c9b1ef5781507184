# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import contextlib
import functools
import http.server
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path

import av
import pytest

from groundcast.stream.options import SourceOptions

from ..encoded_clips import encode_clip
from ..watched_reader import WatchedReader, read_all, write_picture, write_video

BARE = encode_clip()


class _Web(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/live.h264":
            self._send_bare_h264()
            return
        if self.path.startswith("/snapshot"):
            self._send_snapshot()
            return
        if not self.path.startswith("/camera"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        with Path(self.directory, "connections").open("a") as connections:
            connections.write(f"{time.monotonic()} ")
        picture = Path(self.directory, "one.jpg").read_bytes()
        for _ in range(int(self.path.partition("=")[2])):
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n")
            time.sleep(0.05)

    def _send_snapshot(self) -> None:
        """One picture, with its length where the path asks for it; or as the file "broken" says."""
        picture = Path(self.directory, "one.jpg").read_bytes()
        broken = Path(self.directory, "broken")
        fault = broken.read_text() if broken.exists() else ""
        with Path(self.directory, "requests").open("a") as requests:
            requests.write(".")
        self.send_response(503 if fault == "503" else 200)
        self.send_header("Content-Type", "image/jpeg")
        if "length" in self.path:
            self.send_header("Content-Length", str(len(picture)))
        self.end_headers()
        self.wfile.write(picture[: len(picture) // 2] if fault == "half" else picture)

    def _send_bare_h264(self) -> None:
        """Pictures as they are taken, with no word of when that is."""
        self.send_response(200)
        self.send_header("Content-Type", "video/h264")
        self.end_headers()
        with contextlib.suppress(OSError):
            for picture in cycle(BARE.pictures):
                self.wfile.write(b"".join(b"\0\0\0\1" + unit for unit in picture))
                time.sleep(0.04)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    write_video(tmp_path / "clip.mp4")
    write_picture(tmp_path / "one.jpg", 90)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Web, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_video_on_the_web_is_read_like_a_file(web: str) -> None:
    frames, stats = read_all(f"{web}/clip.mp4")
    assert [frame.index for frame in frames] == list(range(20))
    assert (stats.state, stats.frames_dropped) == ("ended", 0)


def test_an_mjpeg_camera_is_live_and_comes_back_after_it_hung_up(web: str) -> None:
    with WatchedReader(SourceOptions("camera", f"{web}/camera?pictures=8")) as watched:
        assert watched.until(lambda: watched.reader.stats().reconnects >= 1)
        assert watched.until(lambda: watched.frames[-1].index >= 10)
        frames = watched.frames
    assert {frame.clock for frame in frames} == {"arrival"}
    assert all(0.0 < later.time_s - earlier.time_s < 5.0 for earlier, later in pairwise(frames))
    assert frames[0].rgb.mean() == pytest.approx(90, abs=3)


def test_a_camera_that_hangs_up_soon_each_time_is_connected_to_less_and_less(web: str, tmp_path: Path) -> None:
    with WatchedReader(SourceOptions("camera", f"{web}/camera?pictures=3")) as watched:
        assert watched.until(lambda: watched.stats.reconnects >= 4)
    connected_s = [float(text) for text in (tmp_path / "connections").read_text().split()]
    waits_s = [later_s - earlier_s for earlier_s, later_s in pairwise(connected_s)]
    assert all(waited_s >= 0.7 * longest_s for waited_s, longest_s in zip(waits_s, (0.1, 0.2, 0.4, 0.8), strict=False))


def test_a_live_stream_in_segments_keeps_its_pace_and_claims_no_capture_time(web: str, tmp_path: Path) -> None:
    options = {"hls_time": "0.5", "hls_flags": "omit_endlist"}
    with av.open(tmp_path / "clip.mp4") as clip, av.open(tmp_path / "live.m3u8", "w", "hls", options) as container:
        stream = container.add_stream_from_template(clip.streams.video[0])
        for packet in clip.demux(clip.streams.video[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    with WatchedReader(SourceOptions("camera", f"{web}/live.m3u8")) as watched:
        assert watched.until_frames(10)
        frames = watched.frames
    assert {(frame.clock, frame.captured_unix_ns) for frame in frames} == {("file", None)}
    assert (frames[9].decoded_ns - frames[0].decoded_ns) / 1e9 > 0.3


def test_a_page_that_is_not_there_is_said_to_be_not_there(web: str) -> None:
    with WatchedReader(SourceOptions("camera", f"{web}/nothing.mp4")) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert watched.stats.error == f"{web}/nothing.mp4 is not there (404): check what follows the host in the URL"


def test_a_camera_without_times_is_placed_by_arrival_and_is_soon_there(web: str) -> None:
    with WatchedReader(SourceOptions("camera", f"{web}/live.h264")) as watched:
        assert watched.until_frames(1, timeout_s=1.8)  # not after the seconds for which FFmpeg would look at it
        assert watched.until_frames(20)
        frames, stats = watched.frames, watched.stats
    assert {(frame.clock, frame.pts) for frame in frames} == {("arrival", None)}
    assert all(0.0 < later.time_s - earlier.time_s < 5.0 for earlier, later in pairwise(frames))
    assert (stats.state, stats.error, stats.corrupt) == ("running", None, 0)


@pytest.mark.parametrize("path", ["/snapshot", "/snapshot?length", "/snapshot.jpg?length&user=a"])
def test_a_url_that_answers_with_one_picture_is_asked_steadily(
    web: str, tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = SourceOptions("camera", f"{web}{path}", target_hz=10.0)
    with caplog.at_level(logging.INFO, "groundcast"), WatchedReader(options) as watched:
        assert watched.until_frames(9)
        frames, stats, facts = watched.frames, watched.stats, watched.reader.facts
    assert facts is not None
    assert (facts.live, facts.rate_hz, facts.codec) == (True, 10.0, "mjpeg")
    assert (stats.state, stats.reconnects, stats.error) == ("running", 0, None)
    assert 0.65 < frames[8].time_s < 8.0
    assert {frame.clock for frame in frames} == {"arrival"}
    assert frames[8].rgb.mean() == pytest.approx(90, abs=3)
    assert len((tmp_path / "requests").read_text()) <= watched.stats.frames_decoded + 2
    assert len([record for record in caplog.records if record.levelno >= logging.INFO]) == 1, "it is running"


def test_a_snapshot_camera_is_asked_once_a_second_unless_told(web: str) -> None:
    with WatchedReader(SourceOptions("camera", f"{web}/snapshot")) as watched:
        assert watched.until_frames(3)
        frames, stats = watched.frames, watched.stats
        assert not watched.reader.update(replace(watched.reader.options, target_hz=5.0)), "it needs a new connection"
    assert all(0.8 < later.time_s - earlier.time_s < 10.0 for earlier, later in pairwise(frames))
    assert stats.state == "running"


@pytest.mark.parametrize(
    ("fault", "says"), [("503", "answered with an error"), ("half", "hung up, or answered something that is no video")]
)
def test_a_snapshot_camera_that_fails_says_so_once_and_comes_back(
    web: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str, says: str
) -> None:
    options = SourceOptions("camera", f"{web}/snapshot", target_hz=20.0)
    with caplog.at_level(logging.INFO, "groundcast"), WatchedReader(options) as watched:
        assert watched.until_frames(3)
        (tmp_path / "broken").write_text(fault)
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert says in (watched.stats.error or "")
        watched.until(lambda: False, timeout_s=0.5)
        assert watched.stats.state == "reconnecting"
        (tmp_path / "broken").unlink()
        count = len(watched.frames)
        assert watched.until_frames(count + 3)
    assert len([record for record in caplog.records if record.levelno >= logging.INFO]) == 3, "lost and back"
