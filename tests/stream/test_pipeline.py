"""The whole line with real decoding and real sockets; only the detector is a plain one."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pytest

from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.message_types import DetectionMessage

from ..waiting import eventually
from .blob_detector import BlobDetector
from .running_node import FRAMES, HEIGHT, RATE_HZ, RED_AND_GREEN, WIDTH, Node


def test_every_frame_of_a_file_gives_one_message(clip: str, detector: BlobDetector) -> None:
    with Node(detector, SourceOptions("clip", clip, frame_id="wrist")) as node:
        messages = node.listen_to_the_end()
        assert [message.seq for message in messages] == list(range(1, FRAMES + 1))
        assert [message.frame.index for message in messages] == list(range(FRAMES))
        assert (node.subscriber.gaps, node.publisher.pictures) == (0, 0)
        status, summary = node.last_status("clip"), node.summary.sources[0]
        assert (status.state, status.seq, status.ended) == ("ended", FRAMES, "every frame was read")
        assert (summary.frames, summary.messages, summary.dropped, summary.error) == (FRAMES, FRAMES, 0, None)
        spread_s = (messages[-1].published_monotonic_ns - messages[0].published_monotonic_ns) / 1e9
        assert summary.fps == pytest.approx((FRAMES - 1) / spread_s)


def test_a_message_tells_what_was_found_where_and_by_whom(clip: str, detector: BlobDetector) -> None:
    with Node(detector, SourceOptions("clip", clip, frame_id="wrist")) as node:
        message = node.listen_to_the_end()[20]
        assert {(track.id, track.phrase, track.state) for track in message.tracks} == {
            (1, "red blob", "matched"),
            (2, "green blob", "matched"),
        }
        red = message.tracks[0]
        assert red.box_xyxy == pytest.approx((120, 60, 160, 100), abs=4)
        assert red.velocity_px_s == pytest.approx((5 * RATE_HZ, 0), abs=15)
        assert (message.model.name, message.prompt.version, message.prompt.hash) == ("blobs", 1, RED_AND_GREEN.hash)
        assert (message.frame.width, message.frame.height, message.frame.frame_id) == (WIDTH, HEIGHT, "wrist")
        assert (message.frame.age_ms, message.stale, message.frame.clock) == (None, False, "file")
        assert set(message.stage_ms) == {"decode", "wait", "infer", "track"}
        assert len({track.uid for each in node.messages for track in each.tracks}) == 2


def late_ms(message: DetectionMessage, delay_ms: float) -> float:
    """How much longer than it should the detector itself took: a busy machine holds up its thread too."""
    return max(0.0, message.stage_ms["infer"] - delay_ms)


def test_newest_wins() -> None:
    camera = SourceOptions("cam", "lavfi:testsrc=rate=30:size=320x240")
    with closing(BlobDetector(delay_s=0.2)) as slow, Node(slow, camera) as node:
        messages = node.listen(until=lambda message: message.seq == 15)
        node.stop()
        messages = node.listen_to_the_end()
        ages_ms = [message.frame.age_ms or 1e9 for message in messages]
        print(f"oldest of {len(ages_ms)}: {max(ages_ms):.0f} ms")
        # Frames that pile up grow older and older: from the tenth on they would be two seconds old.
        late = list(zip(ages_ms, messages, strict=True))[10:]
        assert median(age - late_ms(message, 200) for age, message in late) < 1500
        assert all(message.dropped_total == message.frame.index + 1 - message.seq for message in messages)
        assert all(after.dropped_total - before.dropped_total == after.dropped for before, after in pairwise(messages))
        assert messages[-1].dropped_total > 50
        summary, status = node.summary.sources[0], node.last_status("cam")
        assert (summary.messages, summary.dropped) == (len(messages), summary.frames - len(messages))
        assert (status.dropped_total, status.frames_decoded) == (summary.dropped, summary.frames)
        assert [message.stale for message in messages] == [age > 1000 for age in ages_ms]


def test_a_result_does_not_wait_for_the_next_frame() -> None:
    camera = SourceOptions("cam", "lavfi:testsrc=rate=2:size=320x240")
    with closing(BlobDetector(delay_s=0.02)) as quick, Node(quick, camera) as node:
        messages = node.listen(until=lambda message: message.seq == 5)
        taken_ms = [sum(message.stage_ms[stage] for stage in ("wait", "infer", "track")) for message in messages]
        print(f"from decoded to published: {median(taken_ms):.1f} ms")
        # Waiting for the next frame would make it 500 ms or more, each time.
        assert median(taken - late_ms(message, 20) for taken, message in zip(taken_ms, messages, strict=True)) < 300


def test_the_detector_has_its_next_frame_before_the_last_result_leaves(clip: str) -> None:
    with closing(BlobDetector(delay_s=0.02)) as detector:
        busy: list[int] = []
        with Node(detector, SourceOptions("clip", clip), on_message=lambda _: busy.append(detector.in_flight)) as node:
            node.listen_to_the_end()
        assert sum(busy[:-1]) >= FRAMES // 2  # not each time: a busy machine may decode more slowly than that
        assert detector.most_in_flight == 1


def test_a_deeper_detector_gets_more_frames_and_no_more_than_it_asks_for(clip: str) -> None:
    with closing(BlobDetector(delay_s=0.02, depth=2)) as deep, Node(deep, SourceOptions("clip", clip)) as node:
        assert [message.frame.index for message in node.listen_to_the_end()] == list(range(FRAMES))
        assert deep.most_in_flight == 2


def test_an_old_picture_is_marked_stale() -> None:
    camera = SourceOptions("cam", "lavfi:testsrc=rate=10:size=320x240")
    with closing(BlobDetector(delay_s=0.1)) as slow, Node(slow, camera, stale_after_ms=90.0) as node:
        assert all(message.stale for message in node.listen(until=lambda message: message.seq == 4))


def test_the_loop_can_be_seen_to_turn_and_a_status_tells_of_the_last_message() -> None:
    source = SourceOptions("cam", "lavfi:testsrc=size=160x120:rate=25")
    with closing(BlobDetector()) as blobs, Node(blobs, source, stale_after_ms=0.001) as node:
        node.listen(until=lambda message: message.seq == 20)
        assert time.monotonic_ns() - node.commands.last_loop_ns < 5e9
        node.stop()
        node.listen()

    last = node.last_status("cam")
    assert last.stale_total == last.seq
    assert last.since_message_ms is not None


def test_it_can_be_seen_for_how_long_the_detector_owes_an_answer() -> None:
    source = SourceOptions("cam", "lavfi:testsrc=size=160x120:rate=25")
    with closing(BlobDetector(delay_s=60)) as slow, Node(slow, source) as node:
        deadline_s = time.monotonic() + 30
        while not (oldest_request_ns := node.commands.oldest_request_ns) and time.monotonic() < deadline_s:
            time.sleep(0.01)
        last_loop_ns = node.commands.last_loop_ns
        while node.commands.last_loop_ns == last_loop_ns and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert last_loop_ns < node.commands.last_loop_ns
        assert 0 < oldest_request_ns == node.commands.oldest_request_ns
        node.stop()
        assert node.commands.oldest_request_ns == 0


def test_a_detector_that_fails_ends_the_node_with_its_reason(clip: str) -> None:
    with closing(BlobDetector(fail_at=5)) as failing, Node(failing, SourceOptions("clip", clip)) as node:
        assert len(node.listen_to_the_end()) == 5
        assert str(node.error) == "the detector failed on frame 5 of source clip: RuntimeError: the lamp went out"
        status = node.last_status("clip")
        assert (status.state, status.error, status.seq) == ("failed", str(node.error), 5)


def test_a_stop_does_not_wait_for_what_is_going_on(clip: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, closing(BlobDetector(delay_s=60.0)) as slow:
        sources = (
            SourceOptions("camera", f"rtsp://127.0.0.1:{silent.getsockname()[1]}/silent"),
            SourceOptions("live", "lavfi:testsrc=rate=30:size=320x240"),
            SourceOptions("clip", clip),
        )
        with Node(slow, *sources) as node:
            assert eventually(lambda: slow.asked > 0)
            assert node.stop() < 20.0  # The detector takes a minute.
            assert node.listen_to_the_end() == []
            assert {node.last_status(source.name).state for source in sources} == {"ended"}
            assert node.last_status("clip").ended == "the node was stopped"
        assert [summary.name for summary in node.summary.sources] == ["camera", "live", "clip"]
        assert not [thread for thread in threading.enumerate() if thread.name in {"reader-live", "reader-clip"}]


def test_two_cameras_get_their_turns() -> None:
    cameras = [SourceOptions(name, "lavfi:testsrc=rate=30:size=320x240") for name in ("left", "right")]
    with closing(BlobDetector(delay_s=0.03)) as detector, Node(detector, *cameras) as node:
        messages = node.listen(until=lambda message: message.seq == 15)
        counts = [sum(message.source == camera.name for message in messages) for camera in cameras]
        assert min(counts) >= 8


def test_a_missing_camera_is_reported_and_delays_no_other(clip: str, detector: BlobDetector) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    camera = SourceOptions("camera", f"rtsp://user:secret@127.0.0.1:{port}/none")
    with Node(detector, camera, SourceOptions("clip", clip)) as node:
        messages = node.listen(until=lambda message: message.seq == FRAMES)
        assert len(messages) == FRAMES
        time.sleep(1.0)
        node.stop()
        node.listen_to_the_end()
        told = [status for status in node.statuses if status.source == "camera"]
        assert len(told) >= 4  # heartbeats go on while nothing comes
        assert "reconnecting" in {status.state for status in told}
        assert (told[-1].state, told[-1].ended, told[-1].seq) == ("ended", "the node was stopped", 0)
        assert told[-1].error
        assert "secret" not in str(told)
        assert node.last_status("clip").ended == "every frame was read"


def test_a_file_that_breaks_off_says_so_after_its_last_message(
    clip: str, detector: BlobDetector, tmp_path: Path
) -> None:
    whole = Path(clip).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    with Node(detector, SourceOptions("cut", str(tmp_path / "cut.mp4"))) as node:
        messages = node.listen_to_the_end()
        status, summary = node.last_status("cut"), node.summary.sources[0]
        assert 0 < len(messages) < FRAMES
        assert (status.state, status.seq, summary.messages) == ("ended", len(messages), summary.frames)
        assert status.ended == status.error == summary.error
        assert "ended early" in (summary.error or "")


def test_pictures_are_made_for_those_who_ask(clip: str) -> None:
    with closing(BlobDetector(delay_s=0.01)) as detector:
        with Node(detector, replace(SourceOptions("clip", clip), pace="realtime"), pictures=True) as node:
            messages = node.listen_to_the_end()
            pictures = {message.seq: message.picture for message in messages if message.picture is not None}
            assert node.publisher.pictures == FRAMES
            assert len(pictures) >= FRAMES // 2  # messages do not wait long for their pictures
        seq = max(pictures)
        image = cv2.imdecode(np.frombuffer(pictures[seq], np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (HEIGHT, WIDTH, 3)
        blue, green, red = image[80, 40 + 5 * (seq - 1)].tolist()
        assert red > 150 > max(blue, green)
