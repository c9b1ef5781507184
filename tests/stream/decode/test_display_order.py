# pyright: reportUnknownMemberType=false
from __future__ import annotations

import json
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from groundcast.stream.decode.display_order import DisplayOrder
from groundcast.stream.options import SourceOptions

from ..watched_reader import WatchedReader, read_all, write_video

RATE_HZ = 20
_PICTURES = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("times") / "clip.mp4", pictures=_PICTURES)


def _remux(clip: Path, path: Path, *, decoding_order: bool = False, offset_s: int = 0) -> Path:
    """The same packets in another container; with the times of decoding alone, or with all times so much later."""
    with av.open(clip) as source, av.open(path, "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        for number, packet in enumerate(packets):
            assert packet.pts is not None
            assert packet.dts is not None
            if decoding_order:
                packet.pts = packet.dts = number
                packet.duration, packet.time_base = 1, Fraction(1, RATE_HZ)
            offset = int(offset_s / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, copy
            target.mux(packet)
    return path


def _assert_true_times(path: Path) -> None:
    frames, stats = read_all(path)
    assert [frame.time_s for frame in frames] == pytest.approx([n / RATE_HZ for n in range(_PICTURES)], abs=1e-6)
    ticks = [frame.pts for frame in frames if frame.pts is not None]
    assert ticks == sorted(set(ticks)), "the times in the messages rise, too"
    assert stats.error is None


def test_an_avi_with_b_frames_has_rising_times(tmp_path: Path) -> None:
    _assert_true_times(write_video(tmp_path / "b.avi", pictures=_PICTURES))


def test_an_mp4_without_composition_times_has_rising_times(clip: Path, tmp_path: Path) -> None:
    _assert_true_times(_remux(clip, tmp_path / "b.mp4", decoding_order=True))


def test_a_picture_lost_in_the_decoder_moves_the_others_for_a_moment_only() -> None:
    order = DisplayOrder(by_decoding=True, depth=1)
    times: list[int | None] = []
    for number in range(10):
        order.add(None, number, is_key=number == 0)
        if number not in (0, 5):  # one picture is held back, and the fifth never comes
            times.append(order.time_of(None, is_b=False))
    assert times == [0, 1, 2, 3, 5, 6, 7, 8]


@pytest.mark.parametrize("lost", [{1}, {4, 5, 6}])
def test_true_times_are_kept_where_pictures_are_lost(lost: set[int]) -> None:
    order = DisplayOrder(by_decoding=False, depth=2)
    kept = [number for number in range(10) if number not in lost]
    for number in range(10):
        order.add(number, number, is_key=number == 0)
    assert [order.time_of(number, is_b=False) for number in kept] == kept


def test_a_leap_at_an_hls_discontinuity_is_not_believed(clip: Path, tmp_path: Path) -> None:
    for number, offset_s in enumerate((0, 36_000, 100)):
        _remux(clip, tmp_path / f"part{number}.ts", offset_s=offset_s)
    parts = "#EXT-X-DISCONTINUITY\n".join(f"#EXTINF:2.0,\npart{number}.ts\n" for number in range(3))
    playlist = tmp_path / "all.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n{parts}#EXT-X-ENDLIST\n")
    with WatchedReader(SourceOptions("file", str(playlist))) as watched:
        assert watched.until_finished()
        frames, stats = watched.frames, watched.stats
    assert (len(frames), stats.error) == (3 * _PICTURES, None)
    assert watched.reader.key_distance_s == pytest.approx(0.5)
    assert [frame.time_s for frame in frames] == pytest.approx([n / RATE_HZ for n in range(3 * _PICTURES)], abs=1e-3)


# ---- every container with every codec

_CONTAINERS = ("avi", "mp4", "mkv", "ts", "mov", "nut", "flv")
_ENCODERS = {
    "h264": "-c:v libx264 -preset ultrafast -g 12 -bf {b} -x264-params b-adapt=0:scenecut=0",
    "hevc": "-c:v libx265 -preset ultrafast -x265-params bframes={b}:b-adapt=0:keyint=12:log-level=none",
    "mpeg4": "-c:v mpeg4 -g 12 -bf {b}",
    "mpeg2": "-c:v mpeg2video -g 12 -bf {b}",
}


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="needs ffmpeg and ffprobe")
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("codec", _ENCODERS)
@pytest.mark.parametrize("container", _CONTAINERS)
def test_times_and_counts_are_those_of_ffprobe(tmp_path: Path, container: str, codec: str, b_frames: int) -> None:
    if container == "flv" and codec != "h264":
        pytest.skip("FLV holds H.264 alone")
    path = tmp_path / f"clip.{container}"
    first = tmp_path / "clip.ts"  # whose packets carry what AVI's head does not
    _ffmpeg(f"-f lavfi -i testsrc=size=64x48:rate={RATE_HZ} -t 2", _ENCODERS[codec].format(b=b_frames), first)
    if path != first:
        _ffmpeg(f"-i {first}", "-c copy", path)
    frames, stats = read_all(path)
    stated = _ffprobe(path)
    times_s = [frame.time_s for frame in frames]
    assert len(frames) == len(stated) == _PICTURES
    assert times_s == pytest.approx([n / RATE_HZ for n in range(_PICTURES)], abs=2e-3)
    first_s = stated[0]
    assert first_s is not None
    for time_s, stated_s in zip(times_s, stated, strict=True):  # of the last pictures of an AVI, ffprobe knows none
        assert stated_s is None or time_s == pytest.approx(stated_s - first_s, abs=2e-3)
    assert stats.error is None


def _ffmpeg(source: str, options: str, path: Path) -> None:
    command = f"ffmpeg -v error -nostdin -y {source} -pix_fmt yuv420p {options} {path}"
    if "-c copy" in command:
        command = command.replace("-pix_fmt yuv420p ", "")
    subprocess.run(command.split(), check=True, timeout=60)


def _ffprobe(path: Path) -> list[float | None]:
    """The times of all pictures in seconds; None where none is stated."""
    command = f"ffprobe -v error -select_streams v:0 -show_entries frame=best_effort_timestamp_time -of json {path}"
    answer = subprocess.run(command.split(), check=True, capture_output=True, text=True, timeout=60).stdout
    stated = [frame.get("best_effort_timestamp_time") for frame in json.loads(answer)["frames"]]
    return [float(text) if text is not None and re.match(r"[\d.]+$", text) else None for text in stated]
