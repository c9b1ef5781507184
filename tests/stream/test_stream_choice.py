# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import logging
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from groundcast.stream.frame import Frame
from groundcast.stream.options import SourceOptions
from groundcast.stream.reader import SourceError, check_source
from groundcast.stream.stats import ReaderStats

from .watched_reader import WatchedReader, write_video


def write_streams(path: Path, *, thumbnail: bool = False) -> Path:
    """Ten pictures of 128x96 px in the second stream, the file's default, behind a small view or a thumbnail."""
    with av.open(path, "w") as container:
        small = container.add_stream("mjpeg" if thumbnail else "libx264", 20)
        small.width, small.height, small.pix_fmt = 64, 48, "yuvj420p" if thumbnail else "yuv420p"
        large = container.add_stream("libx264", 20)
        large.width, large.height, large.pix_fmt = 128, 96, "yuv420p"
        small.disposition, large.disposition = Disposition(0), Disposition.default
        for number in range(10):
            for stream in (large,) if thumbnail and number else (small, large):
                level = np.full((stream.height, stream.width, 3), 20 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(level, "rgb24")))
        container.mux([*small.encode(), *large.encode()])
    return path


def _read(path: Path, stream: int | None = None) -> tuple[list[Frame], ReaderStats]:
    with WatchedReader(SourceOptions("file", str(path), stream=stream)) as watched:
        assert watched.until_finished()
        return watched.frames, watched.stats


@pytest.mark.parametrize(("name", "thumbnail"), [("two.mkv", False), ("two.mp4", False), ("drone.mp4", True)])
def test_ffmpegs_own_choice_is_read_and_that_there_was_one_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, thumbnail: bool
) -> None:
    with caplog.at_level(logging.INFO, "groundcast"):
        frames, stats = _read(write_streams(tmp_path / name, thumbnail=thumbnail))
    assert [frame.width for frame in frames] == [128] * 10
    says = f"2 video streams, of which 1 (h264, 128x96) is read, not 0 ({'mjpeg' if thumbnail else 'h264'}, 64x48)"
    assert says in (stats.warning or "")
    assert sum(says in record.message for record in caplog.records) == 1


@pytest.mark.parametrize(("stream", "width"), [(0, 64), (1, 128)])
def test_the_stream_that_was_named_is_read_without_a_word(tmp_path: Path, stream: int, width: int) -> None:
    frames, stats = _read(write_streams(tmp_path / "two.mkv"), stream)
    assert [frame.width for frame in frames] == [width] * 10
    assert stats.warning is None


def test_a_stream_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "two.mkv")
    with pytest.raises(SourceError, match=r"no video stream 2: choose among 0 \(h264, 64x48\), 1 \(h264, 128x96\)"):
        check_source(SourceOptions("file", str(path), stream=2))


def test_where_there_is_one_stream_nothing_is_said(tmp_path: Path) -> None:
    frames, stats = _read(write_video(tmp_path / "one.mp4"))
    assert (len(frames), stats.warning) == (20, None)
