"""Truncated JPEGs count as corrupt and are not detected in; bytes that cameras append to a JPEG do no harm."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher

from ...model.stored_pictures import jpeg
from ..encoded_clips import free_port
from ..watched_reader import WatchedReader, read_all

NOISE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
END = b"\xff\xd9"


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 6 // 10]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("end", [b"", END])
def test_of_a_motion_jpeg_whole_pictures_alone_are_seen(end: bytes, options: dict[str, object], tmp_path: Path) -> None:
    whole = jpeg(NOISE, **options)
    (tmp_path / "camera.mjpeg").write_bytes(whole + _cut(whole) + end + whole)
    frames, stats = read_all(tmp_path / "camera.mjpeg")
    assert (len(frames), stats.corrupt) == (2, 1)
    assert (frames[0].rgb == frames[1].rgb).all()


@pytest.mark.parametrize("tail", [END, b"", END + bytes(300)], ids=["usual", "no end", "padded"])
def test_a_camera_whose_jpegs_end_oddly_is_seen(tail: bytes, tmp_path: Path) -> None:
    (tmp_path / "camera.mjpeg").write_bytes((jpeg(NOISE).removesuffix(END) + tail) * 3)
    frames, stats = read_all(tmp_path / "camera.mjpeg")
    assert (len(frames), stats.corrupt) == (3, 0)


def test_half_a_picture_in_a_folder_is_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(jpeg(NOISE))
    (tmp_path / "2.jpg").write_bytes(_cut(jpeg(NOISE)))
    (tmp_path / "3.jpg").write_bytes(_cut(jpeg(NOISE)) + bytes(4000))  # copied until the disk was full
    frames, stats = read_all(tmp_path)
    assert (len(frames), stats.corrupt) == (1, 2)
    assert "2 of 3 pictures" in (stats.error or "")


def test_half_a_pushed_picture_is_counted_and_said(tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with WatchedReader(SourceOptions("cam", f"push:{address}")) as watched, Pusher(address, wait_s=5.0) as pusher:
        assert pusher.send(_cut(jpeg(NOISE)), time.time_ns())
        assert watched.until(lambda: watched.stats.corrupt == 1)
        assert "cut off" in (watched.stats.warning or "")
        assert pusher.send(jpeg(NOISE))
        assert watched.until_frames(1)
        assert (watched.stats.corrupt, watched.stats.warning) == (1, None)
