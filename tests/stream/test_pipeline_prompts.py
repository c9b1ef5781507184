"""What a running node is asked: every message is about the prompt that its version says."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from groundcast.model.prompt import Phrase, Prompt
from groundcast.stream.node.node_api import CommandError
from groundcast.stream.options import SourceOptions
from groundcast.stream.wire.message_types import DetectionMessage

from .blob_detector import BlobDetector
from .running_node import FRAMES, RED_AND_GREEN, Node

CAMERA = SourceOptions("cam", "lavfi:testsrc=rate=30:size=320x240")
BLUE = Prompt.parse("blue blob . red blob")


def test_each_message_belongs_to_the_prompt_its_frame_was_asked_with(clip: str) -> None:
    changer: list[threading.Thread] = []

    def change(message: DetectionMessage) -> None:
        if message.seq == 10:
            changer.append(threading.Thread(target=node.commands.set_prompt, args=(BLUE,)))
            changer[0].start()

    with (
        closing(BlobDetector(delay_s=0.02)) as detector,
        Node(detector, SourceOptions("clip", clip), on_message=change) as node,
    ):
        messages = node.listen_to_the_end()
    hashes = {1: RED_AND_GREEN.hash, 2: BLUE.hash}
    versions = [message.prompt.version for message in messages]
    assert versions == sorted(versions)
    assert 10 <= versions.count(1) < FRAMES
    assert all(message.prompt.hash == hashes[message.prompt.version] for message in messages)
    assert all({track.phrase for track in message.tracks} <= set(message.prompt.phrases) for message in messages)
    assert {track.id for message in messages for track in message.tracks if track.phrase == "red blob"} == {1}


def test_the_answer_names_the_first_message_that_shows_the_change(clip: str) -> None:
    with closing(BlobDetector(delay_s=0.02, depth=2)) as deep, Node(deep, SourceOptions("clip", clip)) as node:
        node.listen(until=lambda message: message.seq == 5)
        applied = node.commands.set_prompt(BLUE)
        messages = node.listen_to_the_end()
    generation, seq = applied.first_seq["clip"]
    assert (generation, applied.prompt_version) == (1, 2)
    assert [message.prompt.version for message in messages] == [1] * (seq - 1) + [2] * (FRAMES - seq + 1)


def test_a_prompt_the_detector_does_not_know_changes_nothing(clip: str, detector: BlobDetector) -> None:
    mauve = Prompt.parse("mauve blob")
    with Node(detector, SourceOptions("clip", clip)) as node:
        with pytest.raises(CommandError, match="mauve") as refused:
            node.commands.set_prompt(mauve)
        assert refused.value.code == "bad_prompt"
        with pytest.raises(CommandError, match="mauve"):
            node.commands.ask("arm", mauve.phrases, 5.0)
        assert {message.prompt.version for message in node.listen_to_the_end()} == {1}


def test_one_source_can_be_asked_for_something_else(clip: str, detector: BlobDetector) -> None:
    own = SourceOptions("own", clip, prompt=Prompt.parse("green blob"))
    with Node(detector, SourceOptions("clip", clip), own) as node:
        messages = node.listen_to_the_end()
    phrases = {source: {m.prompt.phrases for m in messages if m.source == source} for source in ("clip", "own")}
    assert phrases == {"clip": {RED_AND_GREEN.names}, "own": {("green blob",)}}


def test_a_change_concerns_only_those_who_are_asked_otherwise(detector: BlobDetector) -> None:
    with Node(detector, CAMERA, replace(CAMERA, name="own", prompt=RED_AND_GREEN)) as node:
        assert set(node.commands.set_prompt(BLUE).first_seq) == {"cam"}
        assert set(node.commands.set_thresholds({"blue blob": 0.5}).first_seq) == {"cam"}
        assert set(node.commands.set_prompt(BLUE, "own").first_seq) == {"own"}
        node.commands.update_source(
            "own", lambda now: replace(now, frame_id="wrist")
        )  # which says nothing of the prompt
        assert node.commands.status().prompts["own"] == BLUE
        assert set(node.commands.set_prompt(RED_AND_GREEN, everywhere=True).first_seq) == {"cam", "own"}
        node.commands.update_source("own", lambda now: replace(now, frame_id="arm"))
        assert node.commands.status().prompts["own"] == RED_AND_GREEN


def test_a_lease_adds_its_phrases_until_its_time_is_over(detector: BlobDetector) -> None:
    with Node(detector, CAMERA) as node:
        node.listen(until=lambda message: message.seq == 1)
        lease = node.commands.ask("arm", [Phrase("blue blob")], seconds=1.0)
        begin_s = time.monotonic()
        messages = node.listen(until=lambda message: message.prompt.version == 3)
        assert time.monotonic() - begin_s < 20.0
    phrases = {message.prompt.version: message.prompt.phrases for message in messages}
    assert phrases[2] == ("red blob", "green blob", "blue blob")
    assert phrases[3] == RED_AND_GREEN.names
    assert lease.applied.prompt_version == 2
    assert 0.0 < lease.seconds_left <= 1.0


def test_two_who_change_what_is_asked_leave_no_message_with_labels_of_another_prompt() -> None:
    prompts = [Prompt.parse(text) for text in ("red blob", "green blob . blue blob", "yellow blob . red blob")]
    with closing(BlobDetector(depth=2)) as detector, Node(detector, CAMERA) as node:

        def change() -> None:
            for turn in range(20):
                node.commands.set_prompt(prompts[turn % 3])

        def lease() -> None:
            for _ in range(20):
                held = node.commands.ask("arm", [Phrase("blue blob")], seconds=5.0)
                time.sleep(0.005)
                node.commands.release(held.id)

        controllers = [threading.Thread(target=each) for each in (change, lease)]
        node.listen(until=lambda message: message.seq == 2)
        for controller in controllers:
            controller.start()
        for controller in controllers:
            controller.join()
        last = node.commands.status()
        messages = node.listen(until=lambda message: message.prompt.version == last.prompt_version)
    assert last.leases == ()
    assert last.prompts["cam"] == prompts[1]
    by_version: dict[int, set[tuple[str, ...]]] = {}
    for message in messages:
        by_version.setdefault(message.prompt.version, set()).add(message.prompt.phrases)
        assert {track.phrase for track in message.tracks} <= set(message.prompt.phrases)
    assert all(len(phrases) == 1 for phrases in by_version.values())
