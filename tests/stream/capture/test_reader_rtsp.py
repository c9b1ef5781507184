"""Cameras over RTSP, sound ones and faulty ones, all on loopback."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from groundcast.stream.capture.backoff import Backoff
from groundcast.stream.decode.video import Video
from groundcast.stream.options import SourceOptions

from ..rtsp_server import Behaviour, Clip, RtspServer, encode_clip, free_port
from ..watched_reader import WatchedReader

KEY_EVERY = 10  # pictures: 0.4 s


@pytest.fixture(scope="module")
def clip() -> Clip:
    return encode_clip(key_every=KEY_EVERY)


@pytest.fixture
def camera(clip: Clip) -> Iterator[Callable[..., RtspServer]]:
    """Starts cameras that misbehave as told, and ends them."""
    cameras: list[RtspServer] = []

    def start(*clips: Clip, port: int = 0, **behaviour: object) -> RtspServer:
        cameras.append(RtspServer(*(clips or (clip,)), port=port, behaviour=Behaviour(**behaviour)))  # type: ignore[arg-type]
        return cameras[-1]

    yield start
    for one in cameras:
        one.close()


def _watch(url: str, **changes: object) -> WatchedReader:
    backoff = changes.pop("backoff", None)
    take_every_s = changes.pop("take_every_s", 0.0)
    return WatchedReader(SourceOptions("cam", url, **changes), take_every_s, backoff)  # type: ignore[arg-type]


# ---- sound cameras


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_come_soon_and_carry_the_cameras_own_time(camera: Callable[..., RtspServer], transport: str) -> None:
    server = camera()
    began_s = time.monotonic()
    with _watch(server.url, transport=transport) as watched:
        assert watched.until_frames(1)
        first_after_s = time.monotonic() - began_s
        assert watched.until_frames(25)
        frames, stats = watched.frames, watched.stats
    assert first_after_s < 5.0  # half a second on an idle machine
    assert (stats.state, stats.error, stats.warning, stats.reconnects) == ("running", None, None, 0)
    assert {frame.clock for frame in frames} == {"rtcp"}
    for frame in frames:
        assert frame.captured_unix_ns is not None
        assert frame.captured_error_ms is not None
        off_ms = (frame.captured_unix_ns - server.behaviour.pictures_sent[frame.index]) / 1e6
        assert abs(off_ms) <= frame.captured_error_ms
    # A busy machine may pass over pictures, which moves the index as far as the time.
    steps = [(later.index - earlier.index, later.time_s - earlier.time_s) for earlier, later in pairwise(frames[1:])]
    assert [time_s for _, time_s in steps] == pytest.approx([0.04 * pictures for pictures, _ in steps], abs=0.002)


def test_without_sender_reports_arrival_tells_the_time_and_its_error_covers_the_truth(
    camera: Callable[..., RtspServer],
) -> None:
    server = camera(sender_reports=False)
    with _watch(server.url) as watched:
        assert watched.until_frames(20)
        frames = watched.frames
    assert {frame.clock for frame in frames} == {"arrival"}
    for frame in frames:
        assert frame.captured_unix_ns is not None
        off_ms = (frame.captured_unix_ns - server.behaviour.pictures_sent[frame.index]) / 1e6
        assert abs(off_ms) <= (frame.captured_error_ms or 0.0)


def test_a_camera_clock_that_turns_up_late_does_not_make_the_time_jump(camera: Callable[..., RtspServer]) -> None:
    server = camera(sender_reports=False)
    with _watch(server.url) as watched:
        assert watched.until_frames(10)
        server.behaviour.sender_reports = True
        assert watched.until(lambda: watched.frames[-1].clock == "rtcp")
        watched.until_frames(len(watched.taken) + 5)
        frames = watched.frames
    assert [frame.clock for frame in frames] == sorted(frame.clock for frame in frames)  # arrival, then rtcp
    gaps_s = [later.time_s - earlier.time_s for earlier, later in pairwise(frames) if later.index == earlier.index + 1]
    assert gaps_s[1:] == pytest.approx([0.04] * (len(gaps_s) - 1), abs=0.001)


def test_a_camera_three_seconds_off_is_not_believed_and_that_is_said(camera: Callable[..., RtspServer]) -> None:
    server = camera(clock_offset_s=-3.0)
    with _watch(server.url) as watched:
        assert watched.until_frames(5)
        stats, frames = watched.stats, watched.frames
    assert {frame.clock for frame in frames} == {"arrival"}
    assert stats.warning is not None
    assert "3.0 s behind" in stats.warning


@pytest.mark.parametrize("rtp_info", ["seq=1;rtptime=-1", "seq=1;rtptime=4294967295"])
def test_a_camera_that_announces_a_bad_time_is_read_all_the_same(
    camera: Callable[..., RtspServer], rtp_info: str
) -> None:
    with _watch(camera(rtp_info=rtp_info).url) as watched:
        assert watched.until_frames(5)
        assert {frame.clock for frame in watched.frames} == {"rtcp"}


def test_what_comes_before_the_first_key_frame_is_left_out(camera: Callable[..., RtspServer]) -> None:
    with _watch(camera(first_picture=KEY_EVERY // 2).url) as watched:
        assert watched.until_frames(1)
        first = watched.frames[0]
        assert watched.stats.corrupt == 0
    # The first frame is the first key frame; on a busy computer a newer one may have taken its place.
    assert float(first.rgb.mean()) == pytest.approx(40 + 3 * (KEY_EVERY + first.index), abs=2)


def test_a_change_of_size_is_survived(camera: Callable[..., RtspServer]) -> None:
    small, large = encode_clip(pictures=10), encode_clip(width=640, height=368, pictures=20)
    with _watch(camera(small, large).url) as watched:
        assert watched.until(lambda: any(frame.width == 640 for frame in watched.frames))
        stats = watched.stats
    assert (stats.reconnects, stats.corrupt) == (0, 0)
    assert watched.frames[0].width == 320


def test_newest_frame_wins_and_what_is_published_stays_fresh(camera: Callable[..., RtspServer]) -> None:
    with _watch(camera().url, take_every_s=0.2) as watched:
        assert watched.until_frames(8)
        taken, decoded = watched.taken, watched.reader.stats().frames_decoded
    assert all(after.frame.index - before.frame.index == after.dropped + 1 for before, after in pairwise(taken))
    assert sum(one.dropped for one in taken) >= 10
    assert decoded >= taken[-1].frame.index + 1
    ages_ms = sorted((one.unix_ns - (one.frame.captured_unix_ns or 0)) / 1e6 for one in taken)
    assert ages_ms[len(ages_ms) // 2] < 500.0


def test_key_frames_alone_are_decoded_and_the_camera_counts_as_running(camera: Callable[..., RtspServer]) -> None:
    states: set[str] = set()
    with _watch(camera(encode_clip(key_every=45, pictures=90)).url, key_frames_only=True) as watched:
        assert watched.until(lambda: bool(states.add(watched.stats.state)) or len(watched.taken) >= 2)
        frames, stats = watched.frames, watched.stats
    assert states == {"connecting", "running"}  # though 1.8 s lie between two pictures
    assert [frame.rgb.mean() for frame in frames] == pytest.approx([40, 175], abs=2)
    assert {frame.clock for frame in frames} == {"rtcp"}
    assert (stats.frames_decoded, stats.frames_dropped, stats.corrupt) == (2, 0, 0)


# ---- cameras that are lost


def test_pictures_are_back_within_two_seconds_of_the_first_key_frame_after_a_restart(
    camera: Callable[..., RtspServer], clip: Clip
) -> None:
    port = free_port()
    first = camera(port=port)
    with _watch(first.url) as watched:
        assert watched.until_frames(10)
        first.close()
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert watched.stats.error is not None
        watched.until(lambda: False, timeout_s=0.5)
        before = len(watched.taken)
        second = camera(port=port)
        assert watched.until(lambda: len(watched.taken) >= before + 5)
        back, stats = watched.frames[before:], watched.stats
    assert (back[0].decoded_ns - second.behaviour.key_sent_ns[0]) / 1e9 < 2.0
    assert (stats.state, stats.error, stats.reconnects) == ("running", None, 1)
    frames = watched.frames
    assert all(0.0 < later.time_s - earlier.time_s < 10.0 for earlier, later in pairwise(frames))
    assert back[0].index == frames[before - 1].index + 1
    assert {frame.clock for frame in back} == {"rtcp"}


def test_a_camera_that_hangs_up_again_and_again_is_tried_again_and_again(camera: Callable[..., RtspServer]) -> None:
    with _watch(camera(bye_after=4).url) as watched:
        assert watched.until(lambda: watched.stats.reconnects >= 3)
        frames, stats = watched.frames, watched.stats
    assert all(later.index > earlier.index for earlier, later in pairwise(frames))
    assert stats.frames_decoded >= 12


def test_a_camera_that_falls_silent_is_stalled_and_then_tried_again(camera: Callable[..., RtspServer]) -> None:
    server = camera()
    with _watch(server.url, read_timeout_s=2.0) as watched:
        assert watched.until_frames(3)
        server.behaviour.silent = True
        assert watched.until(lambda: watched.stats.state == "stalled")
        assert "no packet for" in (watched.stats.error or "")
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert "sent nothing for 2 s" in (watched.stats.error or "")
        server.behaviour.silent = False
        assert watched.until(lambda: watched.stats.state == "running")


def test_a_lost_connection_is_let_go_of_at_once(camera: Callable[..., RtspServer]) -> None:
    # Its decoder's memory is nothing to Python's garbage collector, which may not look for hours.
    server = camera()
    gc.collect()
    gc.disable()
    try:
        with _watch(server.url, read_timeout_s=0.5) as watched:
            for lost in range(1, 3):
                assert watched.until_frames(3 * lost)
                server.behaviour.silent = True
                assert watched.until(lambda: watched.stats.state == "reconnecting")
                server.behaviour.silent = False
                server.break_connections()
                assert watched.until(lambda: watched.stats.state == "running")
        assert len([one for one in gc.get_objects() if type(one) is Video]) <= 1  # that of the last connection
    finally:
        gc.enable()


def test_packets_whose_times_stand_still_are_a_stall(camera: Callable[..., RtspServer]) -> None:
    with _watch(camera(frozen_time=True).url) as watched:
        assert watched.until(lambda: watched.stats.state == "stalled")
        assert "times stand still" in (watched.stats.error or "")
        assert all(later.time_s > earlier.time_s for earlier, later in pairwise(watched.frames))


def test_damaged_pictures_are_counted_and_do_not_end_the_stream(camera: Callable[..., RtspServer]) -> None:
    with _watch(camera(damage=True).url) as watched:
        assert watched.until(lambda: watched.stats.corrupt >= 10)
        before = len(watched.taken)
        assert watched.until(lambda: len(watched.taken) > before + 3)
        assert watched.stats.state == "running"


# ---- cameras that cannot be reached


def test_a_port_without_a_listener_is_said_and_tried_again(camera: Callable[..., RtspServer]) -> None:
    port = free_port()
    with _watch(f"rtsp://127.0.0.1:{port}/live") as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert "refused the connection" in (watched.stats.error or "")
        camera(port=port)
        assert watched.until_frames(1)
        assert (watched.stats.state, watched.stats.reconnects) == ("running", 0)


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ({"mute": True}, "did not answer within 0.5 s"),
        ({"silent": True}, "sent nothing for 0.5 s"),
        ({"reset": True}, "hung up"),
        ({"status": 404}, "is not there"),
        ({"status": 503}, "answered with an error"),
        ({"user": "somebody", "password": "else"}, "asks for a user and a password"),
    ],
)
def test_each_refusal_is_told_from_the_others_in_bounded_time(
    camera: Callable[..., RtspServer], behaviour: dict[str, object], says: str
) -> None:
    with _watch(camera(**behaviour).url, open_timeout_s=0.5, read_timeout_s=0.5) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting", timeout_s=30.0)
        assert says in (watched.stats.error or "")
        assert "\n" not in (watched.stats.error or "")


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize(("asked", "only"), [("tcp", "udp"), ("udp", "tcp")])
def test_a_camera_with_another_transport_is_read_as_its_sentence_says(
    camera: Callable[..., RtspServer], asked: str, only: str, refuses: bool
) -> None:
    url = camera(only=only, refuses=refuses).url
    with _watch(url, transport=asked) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert (watched.stats.error or "").endswith(f"write transport: {only}")
    with _watch(url, transport=only) as watched:
        assert watched.until_frames(1)


def test_an_unknown_host_is_named() -> None:
    host = "x" * 70 + ".example"  # too long for any name server
    with _watch(f"rtsp://u:hunter2@{host}/live") as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        assert f"unknown host ({host})" in (watched.stats.error or "")


def test_a_refused_password_is_tried_rarely_and_never_shown(
    camera: Callable[..., RtspServer], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server = camera(user="admin", password="hunter3")
    url = server.url.replace("rtsp://", "rtsp://admin:hunter2@")
    caplog.set_level(logging.DEBUG)
    with _watch(url, backoff=Backoff(refused_s=1.0)) as watched:
        assert watched.until(lambda: watched.stats.state == "reconnecting")
        error = watched.stats.error or ""
        asked = server.questions
        watched.until(lambda: False, timeout_s=0.4)
        assert server.questions == asked
        server.behaviour.password = "hunter2"
        assert watched.until_frames(1)
    assert error.startswith("rtsp://***@127.0.0.1")
    assert "refused the user or the password" in error
    said = caplog.text + "".join(capfd.readouterr()) + error + repr(watched.stats)
    assert "refused" in said
    assert "hunter" not in said


# ---- stopping


@pytest.mark.parametrize("behaviour", [{"mute": True}, {"silent": True}, {}])
def test_stopping_does_not_wait_for_a_camera_that_is_silent(
    camera: Callable[..., RtspServer], behaviour: dict[str, object]
) -> None:
    with _watch(camera(**behaviour).url, open_timeout_s=30.0, read_timeout_s=30.0) as watched:
        watched.until(lambda: False, timeout_s=0.3)
        began_s = time.monotonic()
        watched.reader.stop()
        assert time.monotonic() - began_s < 10.0  # half a second at most, and what a busy machine adds
        assert watched.reader.finished
        assert watched.stats.state == "ended"


def test_a_process_ends_at_once_though_its_camera_is_silent(camera: Callable[..., RtspServer]) -> None:
    program = f"""
        import time
        from groundcast.stream.options import SourceOptions
        from groundcast.stream.capture.reader import Reader
        reader = Reader(SourceOptions("cam", "{camera(mute=True).url}", open_timeout_s=30.0), lambda: None)
        reader.start()
        time.sleep(0.3)
        print("over", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "over\n"
        began_s = time.monotonic()
        assert process.wait(timeout=20) == 0
        assert time.monotonic() - began_s < 10.0
