# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import logging
import re
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.decode.stream_choice import choose_stream
from groundcast.stream.frame import Frame
from groundcast.stream.options import SourceOptions
from groundcast.stream.source_url import SourceError
from groundcast.stream.stats import ReaderStats

from ..watched_reader import WatchedReader, write_video


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


@pytest.mark.parametrize(
    ("name", "thumbnail"), [("two.mkv", False), ("two.mp4", False), ("two.ts", False), ("drone.mp4", True)]
)
def test_ffmpegs_own_choice_is_read_and_that_there_was_one_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, thumbnail: bool
) -> None:
    with caplog.at_level(logging.INFO, "groundcast"):
        frames, stats = _read(write_streams(tmp_path / name, thumbnail=thumbnail))
    assert [frame.width for frame in frames] == [128] * 10
    says = f"2 video streams, of which 1 (h264, 128x96) is read, not 0 ({'mjpeg' if thumbnail else 'h264'}, 64x48)"
    assert says in (stats.warning or "")
    assert sum(says in record.message for record in caplog.records) == 1


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")
@pytest.mark.parametrize("default", ["", "0", "1"])
@pytest.mark.parametrize("first_is_larger", [True, False])
@pytest.mark.parametrize("container", ["avi", "mp4", "mkv", "ts", "mov", "nut"])
def test_the_choice_is_that_of_the_ffmpeg_command(
    tmp_path: Path, container: str, first_is_larger: bool, default: str
) -> None:
    path, sizes = tmp_path / f"two.{container}", ["320x240", "64x48"] if first_is_larger else ["64x48", "320x240"]
    sources = [f"-f lavfi -i testsrc=size={size}:rate=20" for size in sizes]
    flags = [f"-disposition:v:{n} {'default' if default == str(n) else '0'}" for n in range(2)]
    command = f"ffmpeg -v error -nostdin {' '.join(sources)} -t 1 -map 0 -map 1 -c:v libx264 {' '.join(flags)} {path}"
    subprocess.run(command.split(), check=True, timeout=60)
    said = subprocess.run(
        ["ffmpeg", "-nostdin", "-i", path, "-f", "null", "-"], check=True, capture_output=True, text=True, timeout=60
    ).stderr
    mapped = re.search(r"Stream #0:(\d) -> #0:0", said)
    assert mapped is not None
    with av.open(path) as opened:
        assert choose_stream(opened, "it").stream.index == int(mapped[1])


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
