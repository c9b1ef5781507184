# pyright: reportUnknownMemberType=false
from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from groundcast.stream.capture.reader import Reader
from groundcast.stream.options import SourceOptions

from ...waiting import eventually
from ..watched_reader import DATA, WatchedReader, read_all, write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4")


def _levels(images: list[NDArray[np.uint8]]) -> list[int]:
    """The grey level of the lower right quarter, in tens: the number of the picture."""
    return [round(float(image[60:, 100:].mean()) / 10) for image in images]


def _needs(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"{name} is not here")
    return DATA / name


# ---- files


def test_a_file_gives_every_frame_once_and_in_order(clip: Path) -> None:
    frames, stats = read_all(clip)
    assert _levels([frame.rgb for frame in frames]) == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 20 for i in range(20)])
    assert (stats.state, stats.error, stats.frames_decoded, stats.frames_dropped) == ("ended", None, 20, 0)


def test_a_frame_of_a_file_has_no_capture_time(clip: Path) -> None:
    frame = read_all(clip)[0][3]
    assert (frame.clock, frame.captured_unix_ns, frame.captured_error_ms) == ("file", None, None)
    assert frame.pts is not None
    assert frame.rgb.dtype == np.uint8
    assert frame.rgb.shape == (96, 160, 3)
    assert frame.received_ns <= frame.decoded_ns <= time.monotonic_ns()


@pytest.mark.parametrize(
    ("name", "frames"), [("bottles.mp4", 1189), ("cars.mp4", 377), ("street.h264", 337), ("h265.mp4", 10)]
)
def test_real_footage_gives_as_many_frames_as_ffprobe_counts(name: str, frames: int) -> None:
    footage, stats = read_all(_needs(name), pictures=False)
    assert (stats.state, stats.error, stats.corrupt) == ("ended", None, 0)
    assert len(footage) == stats.frames_decoded == frames
    assert all(later.time_s > earlier.time_s for earlier, later in pairwise(footage))


def test_realtime_keeps_the_files_own_time(clip: Path) -> None:
    with WatchedReader(SourceOptions("file", str(clip), pace="realtime")) as watched:
        assert watched.until_finished()
        frames = watched.frames
    assert len(frames) == 20
    assert (frames[-1].decoded_ns - frames[0].decoded_ns) / 1e9 >= 0.8


def test_a_loop_goes_on_with_growing_index_and_time(clip: Path) -> None:
    with WatchedReader(SourceOptions("file", str(clip), loop=True)) as watched:
        assert watched.until_frames(50)
        frames, stats = watched.frames[:50], watched.stats
    assert _levels([frame.rgb for frame in frames]) == [*range(20), *range(20), *range(10)]
    assert [frame.index for frame in frames] == list(range(50))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 20 for i in range(50)])
    assert stats.reconnects == 0


def test_a_file_waits_for_a_slow_consumer_and_stops_when_told(clip: Path) -> None:
    reader = Reader(SourceOptions("file", str(clip)), lambda: None)
    reader.start()
    assert eventually(lambda: reader.frames.counts.put > 0)
    time.sleep(0.2)
    assert reader.frames.counts == (1, 0, 0, 1)
    began_s = time.monotonic()
    reader.stop(wait_s=60.0)
    assert time.monotonic() - began_s < 20.0  # it does not wait for room
    assert reader.finished
    assert reader.stats().frames_dropped == 1
    assert not any(thread.name == "reader-file" for thread in threading.enumerate())


def test_a_phone_video_is_turned_upright(tmp_path: Path) -> None:
    frames, _ = read_all(write_video(tmp_path / "turned.mp4", rotation=90))
    image = frames[0].rgb
    assert image.shape == (160, 96, 3)
    bright = image[:80, :48].mean(), image[:80, 48:].mean(), image[80:, :48].mean(), image[80:, 48:].mean()
    assert max(bright) == bright[2]  # a quarter turn counterclockwise takes the upper left corner to the lower left


@pytest.mark.parametrize(("colorspace", "red"), [(1, 226), (5, 211)])
def test_colours_follow_the_matrix_that_the_stream_names(tmp_path: Path, colorspace: int, red: int) -> None:
    path = tmp_path / "colour.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", 25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, 1
        picture = av.VideoFrame(64, 64, "yuv420p")
        for plane, value in zip(picture.planes, (100, 90, 200), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        container.mux(stream.encode(picture))
        container.mux(stream.encode())
    frames, _ = read_all(path)
    assert frames[0].rgb[32, 32, 0] == pytest.approx(red, abs=2)


# ---- less than everything


def test_a_file_is_thinned_by_its_own_time_and_what_is_left_out_counts_as_dropped(clip: Path) -> None:
    with WatchedReader(SourceOptions("file", str(clip), target_hz=5.0)) as watched:
        assert watched.until_finished()
        taken, stats = watched.taken, watched.stats
    assert [one.frame.index for one in taken] == [0, 4, 8, 12, 16]
    assert [one.dropped for one in taken] == [0, 3, 3, 3, 3]
    assert _levels([one.frame.rgb for one in taken]) == [0, 4, 8, 12, 16]
    assert (stats.frames_decoded, stats.frames_dropped) == (20, 15)


def test_a_live_source_is_thinned_and_another_rate_counts_at_once() -> None:
    options = SourceOptions("test", "lavfi:testsrc=size=64x48:rate=50", target_hz=5.0, frame_id="wrist")
    with WatchedReader(options) as watched:
        assert watched.until_frames(4)
        assert watched.reader.update(replace(options, target_hz=25.0, frame_id="elbow", camera_latency_ms=40.0))
        before = len(watched.taken)
        assert watched.until_frames(before + 10)
        taken, stats = watched.taken, watched.stats
    assert all(b.frame.index - a.frame.index == b.dropped + 1 for a, b in pairwise(taken))
    slow, fast = taken[:before], taken[before + 2 :]
    assert all(b.frame.time_s - a.frame.time_s >= 0.19 for a, b in pairwise(slow))
    assert min(b.frame.time_s - a.frame.time_s for a, b in pairwise(fast)) < 0.1  # a busy machine skips some
    assert (slow[0].frame.frame_id, fast[0].frame.frame_id) == ("wrist", "elbow")
    assert stats.reconnects == 0


def test_what_needs_a_new_connection_is_refused_and_changes_nothing() -> None:
    options = SourceOptions("test", "lavfi:testsrc=size=64x48:rate=50")
    reader = Reader(options, lambda: None)
    for other in (replace(options, url="lavfi:testsrc2", target_hz=1.0), replace(options, key_frames_only=True)):
        assert not reader.update(other)
        assert reader.options == options


@pytest.mark.parametrize(
    ("suffix", "times_s"), [("mp4", [0.0, 0.5]), ("h264", [0.0, 0.5])], ids=["with times", "without times"]
)
def test_key_frames_alone_come_whole_and_in_time(tmp_path: Path, suffix: str, times_s: list[float]) -> None:
    path = write_video(tmp_path / f"clip.{suffix}")
    with WatchedReader(SourceOptions("file", str(path), key_frames_only=True)) as watched:
        assert watched.until_finished()
        frames, stats = watched.frames, watched.stats
    assert _levels([frame.rgb for frame in frames]) == [0, 10]
    assert [frame.time_s for frame in frames] == pytest.approx(times_s, abs=0.11)
    assert (stats.frames_decoded, stats.corrupt, stats.error) == (2, 0, None)


# ---- files that are not whole


def test_a_truncated_file_gives_what_there_is_and_says_that_it_ended_early(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "long.mp4", pictures=60).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    frames, stats = read_all(cut, pictures=False)
    assert 0 < len(frames) < 60
    assert stats.state == "ended"
    assert stats.error is not None
    assert stats.error.startswith("ended early")
    assert str(cut) in stats.error


def test_half_of_real_footage_gives_the_frames_that_ffprobe_counts(tmp_path: Path) -> None:
    whole = _needs("cars.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    frames, stats = read_all(cut, pictures=False)
    assert len(frames) == 170
    assert stats.error == f"ended early: {cut} holds 13.6 s of 30.2 s"


def test_damaged_footage_gives_the_frames_that_ffprobe_counts_and_says_so(tmp_path: Path) -> None:
    stream = bytearray(_needs("street.h264").read_bytes())
    for place in range(1000, len(stream), 3571):
        stream[place] ^= 0x5A
    damaged = tmp_path / "damaged.h264"
    damaged.write_bytes(stream)
    frames, stats = read_all(damaged, pictures=False)
    assert len(frames) == 337
    assert stats.state == "ended"
    assert stats.corrupt > 0
    assert stats.error is not None
    assert stats.error.startswith("ended with damage")


def test_the_tail_of_a_stream_begins_with_its_first_key_frame(tmp_path: Path) -> None:
    stream = _needs("street.h264").read_bytes()
    tail = tmp_path / "tail.h264"
    tail.write_bytes(stream[len(stream) // 3 :])
    frames, stats = read_all(tail, pictures=False)
    assert len(frames) == 127
    assert stats.state == "ended"


# ---- test sources


def test_a_lavfi_source_is_live_paced_and_ends_with_its_duration() -> None:
    began_s = time.monotonic()
    with WatchedReader(SourceOptions("test", "lavfi:testsrc=size=64x48:rate=20:duration=1")) as watched:
        assert watched.until_finished()
        stats, frames = watched.stats, watched.frames
    assert time.monotonic() - began_s >= 0.9
    assert (stats.state, stats.error, stats.frames_decoded) == ("ended", None, 20)
    assert {frame.clock for frame in frames} == {"arrival"}


def test_newest_frame_wins_on_a_live_source_and_every_drop_is_counted() -> None:
    with WatchedReader(SourceOptions("test", "lavfi:testsrc=size=64x48:rate=30"), take_every_s=0.2) as watched:
        assert watched.until_frames(8)
        taken = watched.taken
    assert taken[-1].frame.index >= 25
    for before, after in pairwise(taken):
        assert after.frame.index - before.frame.index == after.dropped + 1
    ages_ms = sorted((one.unix_ns - (one.frame.captured_unix_ns or 0)) / 1e6 for one in taken)
    assert ages_ms[0] >= 0.0
    assert ages_ms[len(ages_ms) // 2] < 500.0  # those that pile up would be 700 ms old


@pytest.mark.parametrize(("filters", "says"), [("color=gray", "not changed for"), ("color=black", "black for")])
def test_pictures_that_stand_still_or_are_black_are_warned_of_until_they_change(filters: str, says: str) -> None:
    url = f"lavfi:{filters}:size=64x48:rate=20,drawbox=color=white:t=fill:enable=gt(t\\,1.6)"
    with WatchedReader(SourceOptions("test", url, frozen_after_s=0.5)) as watched:
        assert watched.until(lambda: watched.stats.warning is not None)
        stats = watched.stats
        assert watched.until(lambda: watched.stats.warning is None)
    assert (stats.state, stats.error) == ("running", None)
    assert says in (stats.warning or "")
