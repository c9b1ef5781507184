"""Pictures that programs send, over real sockets."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import zmq
from numpy.typing import NDArray

from groundcast.stream.capture.open_source import check_source
from groundcast.stream.options import SourceOptions
from groundcast.stream.pusher import Pusher, PusherError
from groundcast.stream.source_url import SourceError
from groundcast.stream.wire.packing import pack
from groundcast.stream.wire.push_message import PushHeader, jpeg_size, pack_push, parse_push
from groundcast.stream.wire.topics import MessageError

from ..jpegs import progressive_jpeg
from ..rtsp_server import free_port
from ..watched_reader import WatchedReader

PICTURE = np.zeros((48, 64, 3), np.uint8)
PICTURE[:, :32] = (200, 40, 30)
PICTURE[24:, 32:] = (20, 60, 180)


@pytest.fixture
def address() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


@pytest.fixture
def sender(address: str) -> Iterator[zmq.Socket[bytes]]:
    """A plain PUSH socket, which can send anything."""
    with zmq.Context() as context, context.socket(zmq.PUSH) as pusher:
        pusher.set(zmq.LINGER, 0)
        pusher.connect(address)
        yield pusher


def _watch(address: str, **changes: object) -> WatchedReader:
    return WatchedReader(SourceOptions("cam", f"push:{address}", **changes))  # type: ignore[arg-type]


def _jpeg(image: NDArray[np.uint8] = PICTURE, quality: int = 95) -> bytes:
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


# ---- pictures arrive as they were sent


@pytest.mark.parametrize(
    ("image", "colours", "exact"),
    [
        (PICTURE, "rgb8", True),
        (PICTURE[..., ::-1], "bgr8", True),  # not contiguous
        (np.ascontiguousarray(PICTURE[..., 0]), "rgb8", True),
        (_jpeg(), "rgb8", False),
        (bytearray(_jpeg()), "rgb8", False),
    ],
    ids=["rgb", "bgr", "grey", "jpeg", "bytearray"],
)
def test_a_picture_arrives_as_it_was_sent(
    address: str, image: NDArray[np.uint8] | bytes, colours: str, exact: bool
) -> None:
    with _watch(address) as watched, Pusher(address, wait_s=30.0) as pusher:
        taken_ns = time.time_ns() - 40_000_000
        assert pusher.send(image, taken_ns, colours=colours, frame_id="wrist_optical")  # type: ignore[arg-type]
        assert watched.until_frames(1)
        frame, stats = watched.frames[0], watched.stats
    wanted = np.repeat(image[..., None], 3, axis=2) if isinstance(image, np.ndarray) and image.ndim == 2 else PICTURE
    assert np.abs(frame.rgb.astype(int) - wanted).mean() <= (0 if exact else 6)
    assert frame.rgb.flags.writeable
    assert (frame.clock, frame.captured_unix_ns, frame.frame_id) == ("push", taken_ns, "wrist_optical")
    assert frame.captured_error_ms == pytest.approx(20.0)
    assert (stats.state, stats.corrupt, stats.frames_decoded) == ("running", 0, 1)


def test_a_socket_file_serves_too_and_the_users_own_frame_id_wins(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/camera.sock"
    with _watch(address, frame_id="elbow") as watched, Pusher(address, wait_s=30.0) as pusher:
        assert pusher.send(PICTURE, frame_id="wrist")
        assert watched.until_frames(1)
        assert watched.frames[0].frame_id == "elbow"
        assert (tmp_path / "camera.sock").stat().st_mode & 0o077 == 0


def test_a_stamp_that_cannot_be_right_is_not_believed_and_that_is_said(address: str) -> None:
    with _watch(address) as watched, Pusher(address, wait_s=30.0) as pusher:
        for _ in range(3):
            pusher.send(PICTURE, time.time_ns() + 3600 * 10**9)
        assert watched.until_frames(1)
        frame, stats = watched.frames[-1], watched.stats
    assert frame.clock == "arrival"
    assert abs((frame.captured_monotonic_ns or 0) - frame.received_ns) < 10**9
    assert "ahead of this computer's" in (stats.warning or "")


def test_times_follow_the_senders_stamps_and_not_the_jitter_of_their_way(address: str) -> None:
    with _watch(address) as watched, Pusher(address, wait_s=30.0) as pusher:
        began_ns = time.time_ns()
        for number in range(5):
            time.sleep(0.02 * (number % 3))
            pusher.send(PICTURE, began_ns + number * 30_000_000)
            assert watched.until_frames(number + 1)
        frames = watched.frames
    assert [frame.time_s for frame in frames] == pytest.approx([0.0, 0.03, 0.06, 0.09, 0.12], abs=1e-6)


# ---- newest wins


def test_of_pictures_that_wait_together_only_the_newest_is_seen_and_the_others_count_as_dropped(
    address: str, sender: zmq.Socket[bytes]
) -> None:
    for number in range(20):
        header = PushHeader("mono8", 2, 2, pts=number * 10**7)
        sender.send_multipart([pack_push(header), bytes([number] * 4)])
    with _watch(address) as watched:
        assert watched.until(lambda: bool(watched.frames) and watched.frames[-1].rgb[0, 0, 0] == 19)
        stats, frames = watched.stats, watched.frames
    assert stats.frames_decoded == 20
    assert stats.frames_dropped == 20 - len(frames)
    assert [frame.index for frame in frames] == [frame.rgb[0, 0, 0] for frame in frames]


def test_sending_never_waits_for_a_node_that_is_not_there_or_stands_still(address: str) -> None:
    large = np.zeros((1080, 1920, 3), np.uint8)
    with Pusher(address) as pusher:
        began_s = time.monotonic()
        assert not any(pusher.send(large) for _ in range(5))
        with zmq.Context() as context, context.socket(zmq.PULL) as idle:
            idle.set(zmq.RCVHWM, 1)
            idle.bind(address)
            deadline_s = time.monotonic() + 30
            while not pusher.send(large) and time.monotonic() < deadline_s:
                time.sleep(0.02)
            sent = [pusher.send(large) for _ in range(30)]
        assert time.monotonic() - began_s < 45.0  # a sender that waits would wait for ever
    assert not all(sent)
    assert pusher.dropped >= 5 + sent.count(False)


# ---- states


def test_a_source_connects_until_the_first_picture_and_is_stalled_when_none_comes(address: str) -> None:
    with _watch(address) as watched, Pusher(address, wait_s=30.0) as pusher:
        watched.until(lambda: False, timeout_s=0.3)
        assert (watched.stats.state, watched.stats.error) == ("connecting", None)
        pusher.send(PICTURE)
        assert watched.until(lambda: watched.stats.state == "running")
        assert watched.until(lambda: watched.stats.state == "stalled")
        assert "no packet for" in (watched.stats.error or "")
        pusher.send(PICTURE)
        assert watched.until(lambda: watched.stats.state == "running")
        assert watched.stats.reconnects == 0


def test_an_address_in_use_is_waited_for_and_its_owner_goes_on(address: str) -> None:
    with _watch(address) as first, Pusher(address, wait_s=30.0) as pusher:
        assert first.until(lambda: pusher.send(PICTURE) and bool(first.taken)), "it has the address"
        with _watch(address) as second:
            assert second.until(lambda: "in use" in (second.stats.error or ""))
            assert second.stats.state == "reconnecting"
            before = len(first.taken)
            assert first.until(lambda: pusher.send(PICTURE) and len(first.taken) > before)
            assert not second.taken
            first.reader.stop()
            assert second.until(lambda: pusher.send(PICTURE) and bool(second.taken))
            assert second.stats.state == "running"


def test_a_reader_that_waits_for_pictures_ends_when_told(address: str) -> None:
    with _watch(address) as watched:
        watched.until(lambda: False, timeout_s=0.2)
        watched.reader.stop(wait_s=30.0)
        assert not watched.reader.has_thread


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("push:tcp://0.0.0.0:5580", "can be reached by others"),
        ("push:tcp://192.0.2.1:5580", "can be reached by others"),
        ("push:tcp://127.0.0.1:0", "must name its port"),
        ("push:udp://127.0.0.1:5580", "must look like"),
        ("push:", "must look like"),
    ],
)
def test_an_address_that_cannot_serve_is_refused_at_start_up(url: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        check_source(SourceOptions("cam", url))


# ---- hostile senders


def _header(**values: object) -> bytes:
    return pack({"schema": [1, 0], "encoding": "rgb8", "width": 64, "height": 48} | values)


BOMB = _jpeg().replace((48).to_bytes(2, "big") + (64).to_bytes(2, "big"), b"\xff\xff\xff\xff", 1)
RAW = PICTURE.tobytes()


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([b"", RAW], "not one whole msgpack value"),
        ([_header()], "two parts"),
        ([_header(), RAW, b""], "two parts"),
        ([_header(schema=[2, 0]), RAW], "schema"),
        ([_header(encoding="h264"), RAW], "encoding must be one of"),
        ([_header(width=65), RAW], "are not"),
        ([_header(width=0), RAW], "width must lie in"),
        ([_header(width=2**40, height=2**40), RAW], "at most"),
        ([_header(width="64"), RAW], "width must be an integer"),
        ([_header(captured_unix_ns=1.5), RAW], "captured_unix_ns must be an integer"),
        ([_header(frame_id="x" * 101), RAW], "frame_id is longer"),
        ([_header(note="x" * 5000), RAW], "small header map"),
        ([b"\x92\x01\x02", RAW], "must be a map"),
        ([_header(encoding="jpeg"), RAW], "no JPEG"),
        ([_header(encoding="jpeg"), BOMB], "at most"),
        ([_header(encoding="jpeg"), progressive_jpeg(20_000)], "more than 32 scans"),
        ([_header(encoding="jpeg"), b"\xff\xd8\xff\xe0"], "no JPEG"),
    ],
)
def test_what_is_no_picture_is_named(parts: list[bytes], says: str) -> None:
    with pytest.raises(MessageError, match=says):
        parse_push(parts)


def test_what_is_no_picture_counts_as_corrupt_and_the_next_picture_is_seen(
    address: str, sender: zmq.Socket[bytes]
) -> None:
    bad: list[list[bytes]] = [[b"rubbish"], [_header(width=65), RAW], [_header(encoding="jpeg"), _jpeg()[:400]]]
    with _watch(address) as watched:
        for number, parts in enumerate(bad, start=1):
            sender.send_multipart(parts)
            assert watched.until(lambda number=number: watched.stats.corrupt == number)
            assert "cannot be used" in (watched.stats.warning or "")
        assert (watched.stats.frames_decoded, watched.taken) == (0, [])
        sender.send_multipart([_header(), RAW])
        assert watched.until_frames(1)
        assert watched.stats.warning is None


def test_a_picture_larger_than_any_costs_its_sender_the_connection_and_us_nothing(
    address: str, sender: zmq.Socket[bytes]
) -> None:
    with _watch(address) as watched:
        sender.send_multipart([_header(), bytes(65 * 2**20)], copy=False)
        watched.until(lambda: False, timeout_s=0.3)
        with Pusher(address, wait_s=30.0) as pusher:
            assert pusher.send(PICTURE)
            assert watched.until_frames(1)


# ---- the client


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((4, 4), np.float32), "made of uint8"),
        (np.zeros((4, 4, 4), np.uint8), "has the shape"),
        (np.zeros((0, 4, 3), np.uint8), "made of uint8"),
        (b"not a jpeg", "no JPEG"),
        (b"", "made of uint8"),
    ],
)
def test_what_is_no_picture_is_refused_before_it_is_sent(address: str, image: NDArray[np.uint8], says: str) -> None:
    with Pusher(address) as pusher, pytest.raises(PusherError, match=says):
        pusher.send(image)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:0", "tcp://*:5580", "5580", "udp://127.0.0.1:1"])
def test_a_bad_address_is_refused(address: str) -> None:
    with pytest.raises(PusherError, match=r"must (name|look like)"):
        Pusher(address)


@pytest.mark.parametrize("flags", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]])
def test_a_jpegs_size_is_read_off_its_header(flags: list[int]) -> None:
    assert jpeg_size(cv2.imencode(".jpg", PICTURE, flags)[1].tobytes()) == (64, 48)


def test_a_jpeg_that_shows_its_decoder_another_size_than_us_is_refused() -> None:
    jpeg = _jpeg()
    start = jpeg.index(b"\xff\xc0")
    large = jpeg[start : start + 5] + (30_000).to_bytes(2, "big") * 2 + jpeg[start + 9 : start + 19]
    small = jpeg[start : start + 19]
    # FF 01 has no length. A parser that reads the next two bytes (FF C0) as one finds the small size, in a comment.
    comment = bytes(0xFFC2 - 25) + small
    hidden = b"\xff\x01" + large + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment
    with pytest.raises(MessageError, match="no JPEG"):
        jpeg_size(jpeg[:start] + hidden + jpeg[start + 19 :])


def test_a_jpeg_that_is_nothing_but_padding_is_refused_at_once() -> None:
    began_s = time.thread_time()
    with pytest.raises(MessageError, match="no JPEG"):
        jpeg_size(b"\xff\xd8" + b"\xff" * 2**25)  # byte by byte: 15 s
    assert time.thread_time() - began_s < 1.0


def test_the_client_needs_no_numpy(address: str) -> None:
    program = f"""
        import sys
        sys.modules["numpy"] = sys.modules["cv2"] = sys.modules["av"] = None
        from groundcast.stream.pusher import Pusher
        with Pusher("{address}", wait_s=10.0) as pusher:
            assert pusher.send(memoryview(bytes(12)).cast("B", (2, 2, 3)))
    """
    with _watch(address) as watched:
        subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=30)
        assert watched.until_frames(1)
        assert watched.frames[0].rgb.shape == (2, 2, 3)
