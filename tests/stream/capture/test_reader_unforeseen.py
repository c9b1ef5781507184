"""A reader with names that are not UTF-8, and with exceptions that were not foreseen."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from groundcast.stream.capture import reader as reader_file
from groundcast.stream.capture.backoff import Backoff
from groundcast.stream.capture.open_source import open_source
from groundcast.stream.decode.opened_source import OpenedSource
from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher

from ..encoded_clips import encode_clip, free_port
from ..rtsp_server import Behaviour, RtspServer
from ..watched_reader import WatchedReader, read_all, write_video

URL = "rtsp://viewer:s3cret pass@127.0.0.1:9/live"


def watch(url: str) -> WatchedReader:
    return WatchedReader(SourceOptions("cam", url), backoff=Backoff(0.01, 0.05))


def test_a_camera_whose_session_has_a_name_in_latin_1_is_read() -> None:
    behaviour = Behaviour(session="Büro")
    with RtspServer(encode_clip(), behaviour=behaviour) as server, watch(server.url) as watched:
        assert watched.until_frames(3)
        assert watched.stats.state == "running"


@pytest.mark.parametrize("form", ["mp4", "mkv", "webm", "flv"])
def test_a_file_whose_tags_are_in_latin_1_is_read(tmp_path: Path, form: str) -> None:
    codec = "libvpx-vp9" if form == "webm" else "libx264"
    path = tmp_path / f"a.{form}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.metadata["title"] = "Bxxxro"
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
    tagged = path.read_bytes()
    assert tagged.count(b"Bxxxro") >= 1
    path.write_bytes(tagged.replace(b"Bxxxro", "B\xfc\xfc\xfcro".encode("latin-1")))

    frames, stats = read_all(path)

    assert (len(frames), stats.state, stats.error) == (4, "ended", None)


def _breaks(times: int) -> Callable[..., OpenedSource]:
    """Opens sources, and is broken at first."""
    left = [times]

    def open_or_break(options: SourceOptions, *rest: object) -> OpenedSource:
        left[0] -= 1
        if left[0] >= 0:
            raise UnicodeDecodeError("utf-8", options.url.encode(), 0, 1, f"in {URL}")
        return open_source(options, *rest)  # type: ignore[arg-type]

    return open_or_break


def test_a_camera_whose_reader_broke_is_tried_again_and_the_fault_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reader_file, "open_source", _breaks(3))
    with RtspServer(encode_clip()) as server, watch(server.url) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert "fault in groundcast" in (watched.stats.error or "")
        assert watched.until_frames(3)
        assert (watched.stats.state, watched.stats.error) == ("running", None)
    faults = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(faults) == 1
    assert "Traceback" in faults[0]
    assert "s3cret" not in faults[0]
    assert " pass" not in faults[0]


def test_a_push_source_whose_reader_broke_takes_pictures_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_file, "open_source", _breaks(1))
    address = f"tcp://127.0.0.1:{free_port()}"
    with watch(f"push:{address}") as watched, Pusher(address) as pusher:
        image = np.zeros((48, 64, 3), np.uint8)
        assert watched.until(lambda: [pusher.send(image)] != [] and len(watched.taken) >= 1)
        assert watched.stats.state == "running"


def test_a_file_whose_reader_broke_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_file, "open_source", _breaks(1))
    path = write_video(tmp_path / "clip.mp4")
    with WatchedReader(SourceOptions("file", str(path))) as watched:
        assert watched.until_finished()
        assert watched.stats.state == "failed"
