"""Sources that come and go, pause and change while the node runs."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from groundcast.model.prompt import Prompt
from groundcast.stream.capture.reader import Reader
from groundcast.stream.node import source_registry
from groundcast.stream.node.node_api import CommandError
from groundcast.stream.options import SourceOptions
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message_types import DetectionMessage

from ..waiting import eventually
from .blob_detector import BlobDetector
from .running_node import FRAMES, HEIGHT, WIDTH, Node

CAMERA = SourceOptions("cam", "lavfi:testsrc=rate=30:size=320x240")
OTHER = replace(CAMERA, name="other")


def refused(node: Node, command: str, *args: object) -> str:
    with pytest.raises(CommandError) as error:
        getattr(node.commands, command)(*args)
    return error.value.code


def refusal(node: Node, options: SourceOptions, client: str) -> str | None:
    try:
        node.commands.add_source(options, client)
    except CommandError as error:
        return error.code
    return None


def test_a_node_without_sources_waits_for_one(clip: str, detector: BlobDetector) -> None:
    with Node(detector, stays=True) as node:
        applied = node.commands.add_source(SourceOptions("clip", clip))
        messages = node.listen(until=lambda message: message.seq == FRAMES)
        assert [message.seq for message in messages] == list(range(1, FRAMES + 1))
        assert applied.first_seq == {"clip": (1, 1)}
        assert node.is_running
        assert node.stop() < 10.0


def test_a_node_whose_last_source_was_removed_waits_for_another(clip: str, detector: BlobDetector) -> None:
    # By name, or the subscriber would go home when the only source that it knows has ended.
    with Node(detector, CAMERA, listens_to=("cam", "clip")) as node:
        node.listen(until=lambda message: message.seq == 3)
        node.commands.remove_source("cam")
        node.commands.add_source(SourceOptions("clip", clip))
        messages = node.listen(until=lambda message: (message.source, message.seq) == ("clip", FRAMES))
        assert [message.seq for message in messages if message.source == "clip"] == list(range(1, FRAMES + 1))


def test_a_node_without_control_socket_ends_at_once_without_sources(detector: BlobDetector) -> None:
    with Node(detector) as node:
        node.wait()
        assert node.summary.sources == ()


@pytest.mark.parametrize("in_process", [False, True])
def test_silent_cameras_are_left_behind_together(
    detector: BlobDetector, monkeypatch: pytest.MonkeyPatch, *, in_process: bool
) -> None:
    stops: list[tuple[str, bool]] = []  # of which reader, and whether its thread was waited for
    stop = Reader.stop

    def stop_and_note(reader: Reader, wait_s: float) -> None:
        stops.append((reader.options.name, wait_s > 0.0))
        stop(reader, wait_s)

    monkeypatch.setattr(Reader, "stop", stop_and_note)
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/"
        camera = SourceOptions("cam", url, open_timeout_s=60.0, decode_process=in_process)
        cameras = [replace(camera, name=f"cam-{number}") for number in range(20)]
        with Node(detector, *cameras) as node:
            for _ in range(1 if in_process else 20):  # of the decoder processes most have not been started
                held.enter_context(silent.accept()[0])
            assert node.stop() < 8.0  # with half a second for each it would be ten
    names = {camera.name for camera in cameras}
    assert {name for name, _ in stops[:20]} == names
    assert not any(waits for _, waits in stops[:20])  # all have been told before the first one is waited for
    assert {name for name, _ in stops[20:]} == names
    assert stops[20][1]


def test_a_source_added_again_begins_a_new_generation(clip: str, detector: BlobDetector) -> None:
    with Node(detector, CAMERA, stays=True) as node:
        for generation in (1, 2, 3):
            node.commands.add_source(SourceOptions("clip", clip))
            messages = node.listen(until=lambda message: message.source == "clip" and message.seq == FRAMES)
            mine = [m for m in messages if (m.source, m.generation) == ("clip", generation)]
            assert [message.seq for message in mine] == list(range(1, FRAMES + 1))
            applied = node.commands.remove_source("clip")
            assert applied.first_seq == {"clip": (generation, FRAMES + 1)}
        assert node.subscriber.gaps == 0
        assert len({track.uid for m in messages if m.source == "clip" for track in m.tracks}) == 6


def test_a_removed_source_says_farewell_with_every_frame_accounted_for() -> None:
    with closing(BlobDetector(delay_s=0.05, depth=2)) as slow, Node(slow, CAMERA, OTHER) as node:
        node.listen(until=lambda message: message.source == "cam" and message.seq == 5)
        node.commands.remove_source("cam")
        node.listen(until=lambda message: message.source == "other" and message.seq == 15)
        last, mine = node.last_status("cam"), [message for message in node.messages if message.source == "cam"]
        assert (last.state, last.ended, last.seq) == ("ended", "the source was removed", len(mine))
        assert last.dropped_total == last.frames_decoded - last.seq > 0
        assert refused(node, "remove_source", "cam") == "unknown_source"
        assert [status.source for status in node.commands.status().sources] == ["other"]


def test_late_joiners_hear_nothing_of_a_removed_source(detector: BlobDetector) -> None:
    with Node(detector, CAMERA, OTHER) as node:
        node.listen(until=lambda message: message.source == "cam" and message.seq == 3)
        node.commands.remove_source("cam")
        node.listen(until=lambda message: message.source == "other" and message.seq == 10)
        heard: set[str] = set()
        with Subscriber(node.publisher.address, newest_only=False, on_status=lambda s: heard.add(s.source)) as late:
            for message, _ in zip(late, range(20), strict=False):
                heard.add(message.source)
        assert heard == {"other"}


def test_a_silent_camera_comes_and_goes_without_holding_up_the_others(detector: BlobDetector) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Node(detector, CAMERA) as node:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/silent"
        node.listen(until=lambda message: message.seq == 10)
        for _ in range(5):
            begin_s = time.monotonic()
            node.commands.add_source(SourceOptions("silent", url, open_timeout_s=60.0))
            node.commands.remove_source("silent")
            assert time.monotonic() - begin_s < 10.0
        messages = node.listen(until=lambda message: message.seq == 40)
        gaps_s = [(b.published_monotonic_ns - a.published_monotonic_ns) / 1e9 for a, b in pairwise(messages)]
        assert max(gaps_s) < 10.0


def test_what_cannot_be_added_is_refused_and_changes_nothing(clip: str, detector: BlobDetector) -> None:
    good = SourceOptions("more", clip)
    with Node(detector, CAMERA) as node:
        assert refused(node, "add_source", CAMERA) == "name_taken"
        assert refused(node, "add_source", replace(good, url="missing.mp4")) == "bad_source"
        assert refused(node, "add_source", replace(good, name="a/b")) == "bad_source"
        assert refused(node, "add_source", replace(good, prompt=Prompt.parse("mauve blob"))) == "bad_prompt"
        assert refused(node, "update_source", "more", replace) == "unknown_source"
        for command in ("pause", "resume", "reset_tracks", "picture"):
            assert refused(node, command, "more") == "unknown_source"
        assert [source.name for source in node.commands.status().options] == ["cam"]


def test_there_is_an_end_to_sources(detector: BlobDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_registry, "MAX_SOURCES", 1)
    with Node(detector, CAMERA) as node:
        assert refused(node, "add_source", OTHER) == "too_many"
        node.commands.update_source("cam", lambda now: replace(now, loop=True))
        node.commands.remove_source("cam")
        node.commands.add_source(OTHER)
        assert [status.source for status in node.commands.status().sources] == ["other"]


def test_silent_cameras_that_were_removed_leave_no_more_threads_than_may_be(
    detector: BlobDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_registry, "MAX_LINGERING_OF_USER", 3)
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0)) as silent, Node(detector, CAMERA) as node:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/silent"
        camera = SourceOptions("silent", url, open_timeout_s=30.0)
        codes: list[str] = []
        for connection in range(12):
            if code := refusal(node, camera, f"eve/{connection}"):
                codes.append(code)
            else:
                held.enter_context(silent.accept()[0])  # it has begun to wait
                node.commands.remove_source("silent")
        assert codes == ["too_many"] * 9
        assert [thread.name for thread in threading.enumerate()].count("reader-silent") == 3
        node.commands.update_source("cam", lambda now: replace(now, threshold=0.2), "eve/13")  # which leaves none
        node.commands.update_source("cam", lambda now: replace(now, pace="realtime"), "anna/1")
        held.close()  # the cameras hang up, and their threads end
        assert eventually(lambda: not refusal(node, camera, "eve/14"))


def test_an_update_that_needs_no_connection_makes_none(detector: BlobDetector) -> None:
    with Node(detector, CAMERA) as node:
        node.listen(until=lambda message: message.seq == 5)
        blue = Prompt.parse("blue blob")
        applied = node.commands.update_source("cam", lambda now: replace(now, frame_id="wrist", prompt=blue))
        generation, seq = applied.first_seq["cam"]
        messages = node.listen(until=lambda message: message.seq == seq + 5)
        assert {message.generation for message in messages} == {generation} == {1}
        assert [message.seq for message in messages] == list(range(1, seq + 6))
        assert messages[-1].frame.frame_id == "wrist"
        assert messages[seq - 1].prompt.phrases == ("blue blob",)
        assert node.last_status("cam").reconnects == 0


def test_an_update_that_needs_another_connection_begins_a_new_generation(clip: str, detector: BlobDetector) -> None:
    with Node(detector, CAMERA, OTHER) as node:
        node.listen(until=lambda message: message.source == "cam" and message.seq == 5)
        applied = node.commands.update_source("cam", lambda now: replace(now, url=clip))
        assert applied.first_seq == {"cam": (2, 1)}
        messages = node.listen(until=lambda message: (message.source, message.seq) == ("cam", FRAMES))
        mine = [message for message in messages if message.source == "cam"]
        assert [message.seq for message in mine if message.generation == 2] == list(range(1, FRAMES + 1))
        old = [status for status in node.statuses if (status.source, status.generation) == ("cam", 1)][-1]
        assert (old.state, old.ended) == ("reconnecting", None)  # 'ended' would send its listeners home
        assert (old.seq, old.dropped_total) == (len(mine) - FRAMES, old.frames_decoded - old.seq)
        assert [status.source for status in node.commands.status().sources] == ["cam", "other"]
        assert node.subscriber.gaps == 0


def test_a_paused_source_is_read_but_not_looked_at(detector: BlobDetector) -> None:
    with Node(detector, CAMERA, OTHER) as node:
        node.listen(until=lambda message: message.source == "cam" and message.seq == 5)
        _, first = node.commands.pause("cam").first_seq["cam"]
        node.listen(until=lambda message: message.source == "other" and message.seq == 20)
        status = node.commands.status()
        assert (status.paused, status.sources[0].paused, status.sources[0].state) == (("cam",), True, "running")
        assert status.sources[0].seq == first - 1
        node.commands.resume()
        node.listen(until=lambda message: message.source == "cam" and message.seq == first + 5)
        mine = [message for message in node.messages if message.source == "cam"]
        assert mine[first - 1].dropped > 5
        assert all(message.dropped_total == message.frame.index + 1 - message.seq for message in mine)
        assert [paused for paused in (s.paused for s in node.statuses if s.source == "cam") if paused]
        assert not node.last_status("cam").paused


def test_a_paused_file_goes_on_where_it_was(clip: str, detector: BlobDetector) -> None:
    with Node(detector, CAMERA, SourceOptions("clip", clip)) as node:
        node.commands.pause("clip")
        node.listen(until=lambda message: message.source == "cam" and message.seq == 20)
        node.commands.resume("clip")
        messages = node.listen(until=lambda message: (message.source, message.seq) == ("clip", FRAMES))
        assert [m.frame.index for m in messages if m.source == "clip"] == list(range(FRAMES))


def test_tracks_that_were_reset_begin_anew(clip: str) -> None:
    with closing(BlobDetector(delay_s=0.02)) as detector, Node(detector, SourceOptions("clip", clip)) as node:
        node.listen(until=lambda message: message.seq == 10)
        _, seq = node.commands.reset_tracks().first_seq["clip"]
        messages = node.listen_to_the_end()
        assert {track.id for track in messages[seq - 2].tracks} == {1, 2}
        assert {track.id for track in messages[seq - 1].tracks} == {3, 4}


def test_a_picture_comes_with_the_message_that_belongs_to_it(clip: str) -> None:
    with closing(BlobDetector(delay_s=0.02)) as detector, Node(detector, SourceOptions("clip", clip)) as node:
        node.listen(until=lambda message: message.seq == 5)
        jpeg, message = node.commands.picture("clip")
        assert message in node.listen_to_the_end()
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (HEIGHT, WIDTH, 3)
        blue, green, red = image[80, 40 + 5 * message.frame.index].tolist()
        assert red > 150 > max(blue, green)


def test_a_picture_that_does_not_come_is_not_waited_for_longer_than_asked(detector: BlobDetector) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Node(detector, CAMERA, stays=True) as node:
        node.commands.add_source(SourceOptions("silent", f"rtsp://127.0.0.1:{silent.getsockname()[1]}/"))
        assert refused(node, "picture", "silent", 0.1) == "not_ready"
        remover = threading.Timer(0.3, node.commands.remove_source, ("silent",))
        remover.start()
        assert refused(node, "picture", "silent", 20.0) == "unknown_source"
        remover.join()


def test_commands_may_come_from_the_loop_itself_and_before_it_runs(clip: str, detector: BlobDetector) -> None:
    codes: list[str] = []

    def remove_at_once(message: DetectionMessage) -> None:
        if message.seq == 3:
            codes.append(refused(node, "picture", "clip"))
            node.commands.remove_source("clip")

    with Node(detector, SourceOptions("clip", clip), on_message=remove_at_once, begins=False) as node:
        node.commands.pause("clip")
        assert node.commands.status().paused == ("clip",)
        node.commands.resume("clip")
        node.begin()
        assert len(node.listen()) == 3
        node.stop()
        assert codes == ["not_ready"]
        assert node.last_status("clip").ended == "the source was removed"
        assert refused(node, "set_prompt", Prompt.parse("blue blob")) == "stopped"
        assert node.commands.status().sources == ()


def test_nothing_grows_with_sources_that_come_and_go(detector: BlobDetector) -> None:
    with Node(detector, CAMERA) as node:
        node.listen(until=lambda message: message.seq == 2)
        before = threading.active_count()
        for turn in range(30):
            node.commands.add_source(replace(CAMERA, name=f"cam{turn}", url="lavfi:testsrc=rate=30:size=64x48"))
            node.commands.ask("arm", Prompt.parse("blue blob").phrases, 60.0, f"cam{turn}")
            node.commands.remove_source(f"cam{turn}")
        assert eventually(lambda: threading.active_count() <= before)
        assert [source.source for source in node.commands.status().sources] == ["cam"]
