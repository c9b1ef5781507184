# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ..watched_reader import DATA, read_all, write_video


def _write_matroska(path: Path, rate_hz: int, pictures: int, *, sound_s: int = 0) -> Path:
    """Grey levels without B-frames, and a tone beside them that may outlast them."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate_hz, options={"bf": "0", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", 8000) if sound_s else None
        for number in range(pictures):
            level = np.full((48, 64, 3), 5 * (number % 50), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(level, "rgb24")))
        container.mux(stream.encode())
        if sound:
            for second in range(sound_s):
                tone = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
                tone.sample_rate, tone.pts = 8000, 8000 * second
                container.mux(sound.encode(tone))
            container.mux(sound.encode())
    return path


def test_a_whole_matroska_time_lapse_is_whole(tmp_path: Path) -> None:
    frames, stats = read_all(_write_matroska(tmp_path / "lapse.mkv", rate_hz=1, pictures=30))
    assert (len(frames), frames[-1].time_s, stats.error) == (30, 29.0, None)


def test_a_whole_matroska_file_whose_sound_goes_on_is_whole(tmp_path: Path) -> None:
    frames, stats = read_all(_write_matroska(tmp_path / "sound.mkv", rate_hz=20, pictures=100, sound_s=9))
    assert (len(frames), stats.error) == (100, None)


@pytest.mark.parametrize("sound_s", [0, 6])
def test_a_matroska_file_that_was_cut_off_is_said_to_end_early(tmp_path: Path, sound_s: int) -> None:
    path = _write_matroska(tmp_path / "cut.mkv", rate_hz=20, pictures=120, sound_s=sound_s)
    whole = path.read_bytes()
    frames = 120
    for share in (0.99, 0.95, 0.9, 0.8):  # first from the index alone, behind the pictures
        path.write_bytes(whole[: int(share * len(whole))])
        read, stats = read_all(path)
        assert len(read) <= frames
        frames = len(read)
        says = stats.error or ""
        assert ("ended early" in says and "of 6.0 s" in says) == (frames < 119)
    assert frames < 119


def test_a_matroska_file_that_was_copied_in_part_into_reserved_room_ends_early(tmp_path: Path) -> None:
    path = _write_matroska(tmp_path / "part.mkv", rate_hz=20, pictures=120)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2].ljust(len(whole), b"\0"))
    _, stats = read_all(path)
    assert "ended early" in (stats.error or "")


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4"])
def test_a_file_that_lacks_its_last_pictures_is_said_to_end_early(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, pictures=40)
    whole = path.read_bytes()
    assert read_all(path)[1].error is None
    for share in (0.9, 0.8):
        path.write_bytes(whole[: int(share * len(whole))])
        frames, stats = read_all(path)
        assert len(frames) < 40
        assert "ended early" in (stats.error or "")


def test_mpeg_ts_parts_put_together_are_whole_unless_a_packet_is_missing(tmp_path: Path) -> None:
    with av.open(write_video(tmp_path / "clip.mp4", pictures=40)) as clip, av.open(tmp_path / "a.ts", "w") as container:
        stream = container.add_stream_from_template(clip.streams.video[0])
        for packet in clip.demux(clip.streams.video[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    part, both = (tmp_path / "a.ts").read_bytes(), tmp_path / "both.ts"
    both.write_bytes(part + part)
    frames, stats = read_all(both)
    assert (len(frames), stats.error) == (80, None)
    middle = len(part) // 2 // 188 * 188
    both.write_bytes(part[:middle] + part[middle + 188 :] + part)
    _, stats = read_all(both)
    assert "damage" in (stats.error or "")


_FAULTS = DATA / "faults"


@pytest.mark.parametrize(
    ("name", "frames", "last_s", "error"),
    [
        ("avi_h264_b.avi", 40, 1.95, None),
        ("hevc_b.avi", 40, 1.95, None),
        ("tl_1.mkv", 30, 29.0, None),
        ("long_cut94.mkv", 280, 13.95, "holds 14.0 s of 15.0 s"),
        ("saved.mpjpeg", 10, 0.36, None),
        ("edit_start.mp4", 25, 1.2, None),
        ("vfr.mp4", 18, 1.95, None),
    ],
)
def test_files_of_users_have_their_length_and_their_end(
    name: str, frames: int, last_s: float, error: str | None
) -> None:
    if not (_FAULTS / name).exists():
        pytest.skip("needs shared/data")
    read, stats = read_all(_FAULTS / name)
    assert (len(read), read[-1].time_s) == (frames, pytest.approx(last_s, abs=2e-3))
    assert (error in stats.error) if error and stats.error else stats.error == error


def _multipart(*, with_length: bool = True) -> bytes:
    """Three JPEGs as a camera sends them."""
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, "yuvj420p", Fraction(1, 25)
    parts: list[bytes] = []
    for level in (40, 120, 200):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8)).reformat(format="yuvj420p")
        for packet in encoder.encode(frame):
            head = f"Content-length: {packet.size}\r\n" if with_length else ""
            parts.append(f"--cam\r\nContent-type: image/jpeg\r\n{head}\r\n".encode() + bytes(packet) + b"\r\n")
    return b"".join(parts)


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("closing", [b"", b"--cam\r\n", b"--cam--\r\n", b"--cam\r\nContent-type: im"])
def test_a_whole_multipart_stream_is_whole_however_it_ends(tmp_path: Path, with_length: bool, closing: bytes) -> None:
    path = tmp_path / "saved.mpjpeg"
    path.write_bytes(_multipart(with_length=with_length) + closing)
    frames, stats = read_all(path)
    assert (len(frames), stats.error) == (3, None)


@pytest.mark.parametrize("with_length", [True, False])
def test_a_multipart_stream_cut_within_a_picture_is_said_to_be_damaged(tmp_path: Path, with_length: bool) -> None:
    path = tmp_path / "saved.mpjpeg"
    path.write_bytes(_multipart(with_length=with_length)[:-60])
    _, stats = read_all(path)
    assert "damage" in (stats.error or "")
