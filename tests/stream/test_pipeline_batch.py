"""Frames of several sources in one ticket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from statistics import median

from groundcast.model.image import rgb_of
from groundcast.model.prompt import Prompt
from groundcast.model.query import Query
from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.message_types import DetectionMessage

from ..waiting import eventually
from .blob_detector import BlobDetector, BlobTicket, find_blobs
from .running_node import FRAMES, Node

CAMERAS = [SourceOptions(f"cam{number}", "lavfi:testsrc=rate=20:size=320x240") for number in range(4)]


def test_frames_of_several_sources_go_together_and_each_gets_its_own_answer(clip: str) -> None:
    prompts = [Prompt.parse("red blob"), Prompt.parse("green blob"), Prompt.parse("green blob . red blob")]
    clips = [SourceOptions(f"clip{number}", clip, prompt=prompt) for number, prompt in enumerate(prompts)]
    with closing(BlobDetector(delay_s=0.03, batch=3)) as detector, Node(detector, *clips) as node:
        messages = node.listen_to_the_end()
    assert max(detector.together) == 3
    assert sum(detector.together) == 3 * FRAMES
    for source, prompt in zip(clips, prompts, strict=True):
        mine = [message for message in messages if message.source == source.name]
        assert [message.frame.index for message in mine] == list(range(FRAMES))
        assert all({track.phrase for track in message.tracks} == set(prompt.names) for message in mine[3:])


def test_no_more_go_together_than_are_of_use_and_all_get_their_turns() -> None:
    with closing(BlobDetector(delay_s=0.05, batch=2)) as detector, Node(detector, *CAMERAS) as node:
        messages = node.listen(until=lambda message: message.seq == 12)
    counts = [sum(message.source == camera.name for message in messages) for camera in CAMERAS]
    assert max(detector.together) == 2
    assert min(counts) >= 5


def test_one_source_alone_never_waits() -> None:
    with closing(BlobDetector(batch=8)) as detector, Node(detector, CAMERAS[0], batch_wait_ms=1000.0) as node:
        messages = node.listen(until=lambda message: message.seq == 20)
    assert set(detector.together) == {1}
    assert median(message.stage_ms["wait"] for message in messages) < 100.0


def test_a_source_whose_frame_is_not_due_is_not_waited_for() -> None:
    slow = SourceOptions("slow", "lavfi:testsrc=rate=1:size=320x240")
    with closing(BlobDetector(batch=8)) as detector, Node(detector, CAMERAS[0], slow, batch_wait_ms=200.0) as node:
        messages = node.listen(until=lambda message: message.seq == 40)
    assert median(message.stage_ms["wait"] for message in messages if message.source == "cam0") < 100.0


def test_the_wait_for_others_is_bounded_and_told() -> None:
    with closing(BlobDetector(batch=5)) as detector, Node(detector, *CAMERAS, batch_wait_ms=100.0) as node:
        messages = node.listen(until=lambda message: message.seq == 30)
    waits_ms = [message.stage_ms["wait"] for message in messages]
    print(f"together {max(detector.together)}, waited {median(waits_ms):.1f} ms")
    assert max(detector.together) >= 2
    assert median(waits_ms) < 1000.0  # the fifth, which does not come, would be waited for for ever


class ByHand:
    """A detector whose tickets the test answers."""

    info = BlobDetector.info
    depth, batch, gpu = 2, 1, None

    def __init__(self) -> None:
        self.tickets: list[BlobTicket] = []
        self.submitted = threading.Semaphore(0)

    def check(self, prompt: Prompt) -> None: ...

    def captions(self, prompt: Prompt) -> int:
        return 1

    def submit(self, queries: Sequence[Query], on_done: Callable[[], None] | None = None) -> BlobTicket:
        self.tickets.append(BlobTicket(queries, on_done))
        self.submitted.release()
        return self.tickets[-1]

    def answer(self, number: int) -> None:
        ticket = self.tickets[number]
        ticket.result = [find_blobs(rgb_of(query.image), query.prompt) for query in ticket.queries]
        ticket.finish()

    def close(self) -> None: ...


def test_a_result_waits_for_earlier_ones_of_its_own_source_alone(clip: str) -> None:
    detector, published = ByHand(), list[DetectionMessage]()
    said = threading.Semaphore(0)

    def note(message: DetectionMessage) -> None:
        published.append(message)
        said.release()

    sources = [SourceOptions(name, clip) for name in ("a", "b")]
    with Node(detector, *sources, on_message=note, begins=False) as node:
        node.commands.pause()
        node.begin()
        assert eventually(lambda: all(status.frames_decoded for status in node.commands.status().sources))
        node.commands.resume()
        for _ in range(2):
            assert detector.submitted.acquire(timeout=20)
        detector.answer(1)  # of b, while a's is still in the air
        assert said.acquire(timeout=20)
        assert [message.source for message in published] == ["b"]
        detector.answer(0)
        assert said.acquire(timeout=20)
    assert [message.source for message in published] == ["b", "a"]
