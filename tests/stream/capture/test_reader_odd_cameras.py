"""Cameras with unusual codecs, timestamps or descriptions, over real RTSP on loopback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from groundcast.stream.options import SourceOptions

from ..encoded_clips import Clip, encode_clip, encode_pictures, kind_of_unit, read_h264
from ..rtsp_answers import recorded
from ..rtsp_server import Behaviour, RtspServer
from ..watched_reader import DATA, WatchedReader

RECORDED = {"dahua": "dahua_describe_h264_aac_onvif", "hikvision": "hikvision_describe", "reolink": "reolink_describe"}


@pytest.fixture(scope="module")
def clip() -> Clip:
    return encode_clip()


@pytest.fixture(scope="module")
def h265() -> Clip:
    return encode_clip(codec="hevc")


def _watch(server: RtspServer, **changes: object) -> WatchedReader:
    return WatchedReader(SourceOptions("cam", server.url, **changes))  # type: ignore[arg-type]


def _levels_follow_the_index(watched: WatchedReader) -> bool:
    """Picture n of a clip has the grey level 40 + 3 n: whatever was lost or mixed up would show."""
    levels = [float(frame.rgb.mean()) for frame in watched.frames]
    return levels == pytest.approx([40 + 3 * (frame.index % 50) for frame in watched.frames], abs=2)


# ---- H.265


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_h265_is_read_as_h264_is(h265: Clip, transport: str) -> None:
    with RtspServer(h265) as server, _watch(server, transport=transport) as watched:
        assert watched.until_frames(15)
        stats = watched.stats
        assert watched.reader.facts is not None
        assert watched.reader.facts.codec == "hevc"
        assert _levels_follow_the_index(watched)
    assert (stats.state, stats.corrupt, {frame.clock for frame in watched.frames}) == ("running", 0, {"rtcp"})


def test_h265_in_many_fragments_comes_out_whole() -> None:
    grey = (255 * np.random.default_rng(2).random((2, 360, 640, 1))).astype(np.uint8).repeat(3, axis=3)
    large = encode_pictures(grey, 25, 2, "hevc")
    assert max(len(unit) for unit in large.pictures[0]) > 20_000
    with RtspServer(large) as server, _watch(server) as watched:
        assert watched.until_frames(5)
        assert watched.stats.corrupt == 0
        seen = watched.frames[-1]
    off = [float(np.abs(seen.rgb.astype(int) - grey[(seen.index + other) % 2]).mean()) for other in (0, 1)]
    assert off[0] < off[1] / 3


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_another_size_in_mid_stream_is_followed_at_its_first_key_frame(codec: str) -> None:
    sizes = ((320, 240), (640, 368))
    small, large = (encode_clip(*size, pictures=20, codec=codec) for size in sizes)  # type: ignore[arg-type]
    with RtspServer(small) as server, _watch(server) as watched:
        assert watched.until_frames(5)
        server.show(large)
        assert watched.until(lambda: watched.frames[-1].width == 640)
        server.show(small)
        assert watched.until(lambda: watched.frames[-1].width == 320)
        stats, frames = watched.stats, watched.frames
    assert {frame.rgb.shape for frame in frames} == {(240, 320, 3), (368, 640, 3)}
    assert (stats.corrupt, stats.reconnects, stats.state) == (0, 0, "running")


def test_h264_that_turns_into_h265_without_a_word_is_noticed_and_asked_anew(clip: Clip, h265: Clip) -> None:
    with RtspServer(clip) as server, _watch(server, read_timeout_s=1.0) as watched:
        assert watched.until_frames(5)
        server.show(h265)
        assert watched.until(lambda: watched.stats.state == "stalled")
        assert "no picture for" in (watched.stats.error or "")
        assert watched.until(lambda: watched.stats.reconnects == 1)
        before = len(watched.taken)
        assert watched.until_frames(before + 5)
        assert (watched.stats.state, watched.stats.error) == ("running", None)
        assert watched.reader.facts is not None
        assert watched.reader.facts.codec == "hevc"


# ---- what it says of itself


@pytest.mark.parametrize("brand", RECORDED)
def test_the_words_of_real_cameras_are_understood(clip: Clip, brand: str) -> None:
    if not (DATA / "rtsp").exists():
        pytest.skip("the recorded answers are not here")
    words = recorded(DATA / "rtsp", f"{RECORDED[brand]}.txt", brand)
    with RtspServer(clip, behaviour=Behaviour(recorded=words)) as server, _watch(server) as watched:
        assert watched.until_frames(10)
        assert watched.stats.corrupt == 0
        assert _levels_follow_the_index(watched)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("fmtp", [True, False], ids=["of another stream", "missing"])
def test_wrong_parameter_sets_do_no_harm_where_the_stream_brings_its_own(codec: str, fmtp: bool) -> None:
    shown, other = (encode_clip(width, 240, codec=codec, pictures=20) for width in (320, 640))  # type: ignore[arg-type]
    behaviour = Behaviour(sets_of=other, fmtp=fmtp)
    with RtspServer(shown, behaviour=behaviour) as server, _watch(server) as watched:
        assert watched.until_frames(10)
        assert {frame.width for frame in watched.frames} == {320}
        assert watched.stats.corrupt == 0


def test_a_stream_that_cannot_be_decoded_is_said_to_show_nothing(clip: Clip) -> None:
    without = [[unit for unit in picture if kind_of_unit(unit, "h264") not in (7, 8)] for picture in clip.pictures]
    with RtspServer(Clip(without, 25), behaviour=Behaviour(fmtp=False)) as server, _watch(server) as watched:
        assert watched.until(lambda: "no picture from them" in (watched.stats.error or ""))
        stats = watched.stats
    assert (stats.state, stats.frames_decoded) == ("connecting", 0)
    assert stats.corrupt > 0


# ---- its times


def test_rtp_times_and_numbers_wrap_around_unnoticed(clip: Clip) -> None:
    behaviour = Behaviour(first_stamp=2**32 - 45_000, first_sequence=2**16 - 8)
    with RtspServer(clip, behaviour=behaviour) as server, _watch(server) as watched:
        assert watched.until_frames(30)  # the times wrap after 0.5 s
        stats, frames = watched.stats, watched.frames
        assert _levels_follow_the_index(watched)
    assert (stats.corrupt, stats.warning, {frame.clock for frame in frames}) == (0, None, {"rtcp"})
    steps = [(later.index - earlier.index, later.time_s - earlier.time_s) for earlier, later in pairwise(frames[1:])]
    assert [time_s for _, time_s in steps] == pytest.approx([0.04 * pictures for pictures, _ in steps], abs=0.002)


@pytest.mark.parametrize("sender_reports", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_times_that_leap_back_and_forth_lose_no_picture(clip: Clip, sender_reports: bool) -> None:
    leaps_s = {6: 500.0, 14: -800.0, 22: -0.6, 30: 1.5, 38: -1.5}
    behaviour = Behaviour(leaps_s=leaps_s, sender_reports=sender_reports)
    with RtspServer(clip, behaviour=behaviour) as server, _watch(server) as watched:
        assert watched.until(lambda: bool(watched.frames) and watched.frames[-1].index >= 80)
        stats, frames = watched.stats, watched.frames
        assert _levels_follow_the_index(watched)
    assert (stats.state, stats.corrupt, stats.warning) == ("running", 0, None)
    assert all(0.0 < later.time_s - earlier.time_s < 20.0 for earlier, later in pairwise(frames))
    late_ms = [(frame.decoded_ns - (frame.captured_monotonic_ns or 0)) / 1e6 for frame in frames]
    errors_ms = [frame.captured_error_ms or 0.0 for frame in frames]
    assert all(0.0 <= late <= error + 3000.0 for late, error in zip(late_ms, errors_ms, strict=True))


# ---- its password


@pytest.mark.parametrize(
    "behaviour",
    [{"silent": True}, {"mute": True}, {"bye_after": 3}, {"fmtp": False, "first_picture": 1}, {"status": 500}],
    ids=lambda behaviour: next(iter(behaviour)),
)
def test_whatever_goes_wrong_the_password_is_never_shown(
    behaviour: dict[str, object],
    clip: Clip,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    without = [[unit for unit in picture if kind_of_unit(unit, "h264") not in (7, 8)] for picture in clip.pictures]
    shown = Clip(without, 25) if "fmtp" in behaviour else clip  # nothing of it can be decoded
    with RtspServer(shown, behaviour=Behaviour(**behaviour)) as server:  # type: ignore[arg-type]
        url = server.url.replace("rtsp://", "rtsp://admin:hunter2@") + "?token=hunter3"
        limits = {"open_timeout_s": 0.5, "read_timeout_s": 0.5}
        with WatchedReader(SourceOptions("cam", url, **limits)) as watched:  # type: ignore[arg-type]
            assert watched.until(lambda: watched.stats.state == "reconnecting")
            error = watched.stats.error or ""
    said = caplog.text + "".join(capfd.readouterr()) + error
    assert error.startswith("rtsp://***@127.0.0.1")
    assert "reconnecting" in caplog.text
    assert "hunter" not in said


# ---- damage on the way


@pytest.mark.parametrize(
    "clip_of",
    [lambda: read_h264(DATA / "street.h264"), pytest.param(lambda: encode_clip(codec="hevc"), marks=pytest.mark.slow)],
    ids=["real footage", "h265"],
)
def test_flipped_bytes_in_every_twentieth_packet_end_nothing(clip_of: Callable[[], Clip]) -> None:
    if not DATA.exists():
        pytest.skip("the real footage is not here")
    behaviour = Behaviour(flip_share=0.05)
    with RtspServer(clip_of(), behaviour=behaviour) as server, _watch(server) as watched:
        assert watched.until_frames(40)
        stats, frames = watched.stats, watched.frames
    assert (stats.state, stats.reconnects) == ("running", 0)
    assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
