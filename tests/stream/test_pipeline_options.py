"""What a source may ask for itself, and what holds whatever it asks for: true ages."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from groundcast.model.detections import Detections
from groundcast.model.prompt import Phrase, Prompt
from groundcast.stream.clock import Clock
from groundcast.stream.options import SourceOptions

from ..waiting import eventually
from .blob_detector import BlobDetector, BlobTicket
from .running_node import FRAMES, HEIGHT, WIDTH, Node

CAMERA = SourceOptions("cam", "lavfi:testsrc=rate=30:size=320x240")
HOUR_NS = 3_600_000_000_000


def test_only_the_area_is_looked_at_and_boxes_lie_in_the_whole_picture(clip: str, detector: BlobDetector) -> None:
    upper = SourceOptions("clip", clip, roi_xyxy=(8, 40, 312, 130))
    with Node(detector, upper) as node:
        message = node.listen_to_the_end()[20]
    assert detector.shapes == {(90, 304, 3)}
    assert [track.phrase for track in message.tracks] == ["red blob"]  # the green one is below
    assert message.tracks[0].box_xyxy == pytest.approx((120, 60, 160, 100), abs=4)
    assert (message.frame.width, message.frame.height) == (WIDTH, HEIGHT)


def test_where_nothing_of_the_area_is_in_the_picture_nothing_is_said_about_it(
    clip: str, detector: BlobDetector
) -> None:
    outside = SourceOptions("clip", clip, roi_xyxy=(WIDTH, 0, WIDTH + 50, 50))
    with Node(detector, outside, CAMERA) as node:
        node.listen(until=lambda message: message.seq == 5)
        assert eventually(lambda: node.commands.status().sources[0].state == "ended")
        status = node.commands.status().sources[0]
        assert (status.state, status.seq, status.frames_decoded, status.dropped_total) == ("ended", 0, FRAMES, FRAMES)
        assert "lies outside the picture of 320x240" in (status.warning or "")
        assert {message.source for message in node.messages} == {"cam"}


def test_an_area_can_be_moved_while_the_node_runs(detector: BlobDetector) -> None:
    with Node(detector, replace(CAMERA, roi_xyxy=(0, 900, 100, 1000))) as node:
        assert eventually(lambda: node.commands.status().sources[0].dropped_total > 0)
        node.commands.update_source("cam", lambda now: replace(now, roi_xyxy=(300, 200, 400, 300)))
        messages = node.listen(until=lambda message: message.seq == 10)
        assert messages[0].dropped == messages[0].frame.index > 0
        assert all(message.dropped_total == message.frame.index + 1 - message.seq for message in messages)
        assert detector.shapes == {(40, 20, 3)}
        assert "reaches out of the picture" in (node.commands.status().sources[0].warning or "")
        node.commands.update_source("cam", lambda _: CAMERA)
        assert node.commands.status().sources[0].warning is None


def test_a_source_has_its_own_size_and_its_own_least_score(clip: str, detector: BlobDetector) -> None:
    prompt = Prompt((Phrase("red blob"), Phrase("green blob", threshold=0.7)))
    with Node(detector, SourceOptions("clip", clip, prompt=prompt, size_px=320, threshold=0.4)) as node:
        asked = node.commands.status().prompts["clip"]
        node.listen_to_the_end()
    assert detector.sizes_px == {320}
    assert [phrase.threshold for phrase in asked.phrases] == [0.4, 0.7]


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_ages_stay_true_when_the_clock_is_set(step_ns: int) -> None:
    steps_ns = [0]
    clock = Clock(unix_ns=lambda: time.time_ns() + steps_ns[-1])
    with closing(BlobDetector(delay_s=0.01)) as detector, Node(detector, CAMERA, clock=clock) as node:
        node.listen(until=lambda message: message.seq == 5)
        steps_ns.append(step_ns)
        node.listen(until=lambda message: message.seq == 15)
        steps_ns.append(0)
        messages = node.listen(until=lambda message: message.seq == 20)
    skews_ns = [message.published_unix_ns - message.published_monotonic_ns for message in messages]
    assert max(skews_ns) - min(skews_ns) > HOUR_NS * 0.9  # it did happen
    assert all(0.0 <= (message.frame.age_ms or -1.0) < 5000 for message in messages)
    assert sum(message.stale for message in messages) <= 2  # a busy machine may hold up one


def test_a_program_that_stands_still_publishes_old_pictures_as_old() -> None:
    readings_ns = [0]
    clock = Clock(monotonic_ns=lambda: time.monotonic_ns() + readings_ns[0])
    with closing(BlobDetector()) as detector, Node(detector, CAMERA, clock=clock) as node:
        node.listen(until=lambda message: message.seq == 3)
        readings_ns[0] = 5_000_000_000  # as if every frame had waited so long
        messages = node.listen(until=lambda message: message.seq == 8)
    assert messages[-1].stale
    assert (messages[-1].frame.age_ms or 0.0) > 5000.0


def test_a_wall_clock_in_the_first_second_of_1970_ends_no_node() -> None:
    began_ns = time.monotonic_ns()
    clock = Clock(unix_ns=lambda: time.monotonic_ns() - began_ns)
    late = replace(CAMERA, camera_latency_ms=5000.0)
    with closing(BlobDetector()) as detector, Node(detector, late, clock=clock) as node:
        message = node.listen(until=lambda message: message.seq == 3)[-1]
    assert message.frame.captured_unix_ns == 0
    assert (message.frame.age_ms or 0.0) > 4900.0


class _Crowd(BlobDetector):
    """Finds 1200 boxes in each picture, as a lease without a threshold may have a model do."""

    def _answer(self, ticket: BlobTicket) -> None:
        edges = np.stack(np.meshgrid(np.arange(2, 318, 8), np.arange(2, 238, 8)), -1).reshape(-1, 2).astype(np.float32)
        boxes, count = np.hstack([edges, edges + 2]), len(edges)
        found = Detections(("red blob",), boxes, np.full(count, 0.1, np.float32), np.zeros(count, np.int64))
        ticket.result = [found for _ in ticket.queries]


def test_more_boxes_than_a_message_holds_are_left_out_and_counted() -> None:
    with closing(_Crowd()) as detector, Node(detector, CAMERA) as node:
        messages = node.listen(until=lambda message: message.seq == 2)
    assert [(len(message.tracks), message.tracks_left_out) for message in messages] == [(1000, 200)] * 2
