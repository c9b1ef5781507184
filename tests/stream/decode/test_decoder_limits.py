"""Decoder limits: a hostile camera costs no more memory and time than a picture may."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from groundcast.stream.decode.decoder_limits import MAX_ALLOCATION
from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.jpeg_scans import MAX_SCANS, has_too_many_scans

from ..hostile_camera import hostile_camera
from ..jpegs import progressive_jpeg
from ..watched_reader import WatchedReader


@pytest.fixture
def camera() -> Iterator[str]:
    with hostile_camera() as url:
        yield url


def test_a_picture_of_more_pixels_than_a_node_takes_is_never_decoded(camera: str) -> None:
    with WatchedReader(SourceOptions("cam", f"{camera}/huge", read_timeout_s=0.5)) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert watched.frames == []
        assert "pictures of 16000 x 16000 px" in (watched.stats.error or "")


def test_nor_is_one_whose_size_only_the_decoder_finds(camera: str) -> None:
    with WatchedReader(SourceOptions("cam", f"{camera}/hidden", read_timeout_s=0.5)) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert watched.stats.corrupt > 0
        assert watched.frames == []


def test_a_jpeg_of_thousands_of_scans_is_never_decoded(camera: str) -> None:
    with WatchedReader(SourceOptions("cam", f"{camera}/scans")) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert watched.frames == []
        assert "more than 32 scans" in (watched.stats.error or "")


def test_an_ordinary_progressive_jpeg_is(camera: str) -> None:
    with WatchedReader(SourceOptions("cam", f"{camera}/good")) as watched:
        assert watched.until_frames(2)
        assert watched.frames[0].rgb.shape == (48, 64, 3)


@pytest.mark.slow
def test_a_part_without_an_end_fills_no_more_memory_than_a_packet_may(camera: str) -> None:
    before, held = _resident_bytes(), [0]

    def is_lost() -> bool:
        held.append(_resident_bytes() - before)
        return watched.stats.state == "reconnecting"

    with WatchedReader(SourceOptions("cam", f"{camera}/endless", read_timeout_s=30.0)) as watched:
        assert watched.until(is_lost, timeout_s=60.0)
        assert "larger than any picture" in (watched.stats.error or "")
    assert max(held) < MAX_ALLOCATION + 64 * 2**20


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_scans_are_counted_in_the_picture_alone() -> None:
    jpeg = progressive_jpeg(MAX_SCANS - 10)
    preview = b"\xff\xe1" + (2 + 3 * 100).to_bytes(2, "big") + b"\xff\xda\x00" * 100
    assert not has_too_many_scans(jpeg)
    assert not has_too_many_scans(jpeg[:2] + preview + jpeg[2:] + progressive_jpeg(100))
    assert has_too_many_scans(progressive_jpeg(MAX_SCANS - 9))


@pytest.mark.parametrize("junk", [b"\xff", b"\xff\x00", b"\xff\xe0\x00\x02", b"\xff\xd8", b"\xff\xda\x00\x02"])
def test_what_is_no_jpeg_is_soon_looked_through(junk: bytes) -> None:
    begin_s = time.thread_time()
    has_too_many_scans(b"\xff\xd8" + junk * (2**20 // len(junk)))
    assert time.thread_time() - begin_s < 0.5


def test_a_picture_full_of_noise_is_no_progressive_one() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (600, 800, 3), np.uint8)
    assert not has_too_many_scans(cv2.imencode(".jpg", noise)[1].tobytes())
