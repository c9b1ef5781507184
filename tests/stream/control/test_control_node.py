"""The control socket before a real node: what two controllers change is in force exactly when they are told it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
import zmq

from groundcast.stream.control.server import ControlServer
from groundcast.stream.controller import ControlError, Controller
from groundcast.stream.node.node_api import Applied
from groundcast.stream.options import ControlOptions, SourceOptions
from groundcast.stream.wire.message_types import DetectionMessage

from ...waiting import eventually
from ..blob_detector import BlobDetector
from ..raw_client import Client
from ..running_node import Node


@dataclass
class Controlled:
    """A node with two cameras, and where it takes requests."""

    node: Node
    address: str

    def listen_until(self, done: threading.Event) -> list[DetectionMessage]:
        return self.node.listen(lambda _: done.is_set())


@dataclass
class Told:
    """What one controller was told: when each prompt and each lease began, and when the lease ended."""

    prompts: dict[int, str] = field(default_factory=dict[int, str])
    leases: dict[str, tuple[int, int | None]] = field(default_factory=dict[str, tuple[int, int | None]])
    applied: list[Applied] = field(default_factory=list[Applied])
    error: BaseException | None = None


@pytest.fixture
def controlled(clip: str, detector: BlobDetector) -> Iterator[Controlled]:
    cameras = [SourceOptions(name, clip, pace="realtime", loop=True) for name in ("left", "right")]
    with Node(detector, *cameras, stays=True) as node, ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(node.commands, on_failure=pytest.fail)
        node.listen(lambda message: bool(message.tracks))
        yield Controlled(node, control.address)


def change(address: str, who: str, every_s: float, until_s: float, told: Told) -> None:
    """Change prompts, and ask and release, in turns; every phrase is asked for once in the whole test."""
    held: list[tuple[str, str]] = []
    count = 0
    try:
        with Controller(address, timeout_s=20.0) as node:
            while time.monotonic() < until_s or held:
                count += 1
                if time.monotonic() >= until_s or (count % 3 == 0 and held):
                    lease, phrase = held.pop(0)
                    applied = node.release(lease)
                    told.leases[phrase] = (told.leases[phrase][0], applied.prompt_version)
                elif count % 3 == 1:
                    applied = node.set_prompt(f"red {who} {count}")
                    told.prompts[applied.prompt_version] = f"red {who} {count}"
                else:
                    phrase = f"green {who} {count}"
                    granted = node.lease(phrase, seconds=60.0)
                    renewed = node.lease(phrase, seconds=120.0, lease=granted.id)
                    assert renewed.applied.prompt_version >= granted.applied.prompt_version
                    applied = granted.applied
                    held.append((granted.id, phrase))
                    told.leases[phrase] = (applied.prompt_version, None)
                told.applied.append(applied)
                time.sleep(every_s)
    except BaseException as error:  # noqa: BLE001  told to the test
        told.error = error


def check(messages: list[DetectionMessage], told: Told) -> None:
    """Every message asks for exactly what its version stands for, and speaks of nothing else."""
    prompts = sorted(told.prompts)
    for message in messages:
        version, phrases = message.prompt.version, message.prompt.phrases
        since = max((one for one in prompts if one <= version), default=None)
        leased = {p for p, (begin, end) in told.leases.items() if begin <= version and (end is None or version < end)}
        assert phrases[0] == ("red blob" if since is None else told.prompts[since])
        assert set(phrases[2 if since is None else 1 :]) == leased
        assert {track.phrase for track in message.tracks} <= set(phrases)
    for applied in told.applied:
        for message in messages:
            generation, first = applied.first_seq[message.source]
            assert message.generation == generation
            assert (message.seq >= first) == (message.prompt.version >= applied.prompt_version)


def two_controllers(controlled: Controlled, seconds: float, per_s: float) -> tuple[list[DetectionMessage], Told]:
    """What the node said, and what both controllers were told, while they changed it so many times a second."""
    until_s, done = time.monotonic() + seconds, threading.Event()
    both = Told(), Told()
    threads = [
        threading.Thread(target=change, args=(controlled.address, who, 2 / per_s, until_s, told))
        for who, told in zip(("anna", "ben"), both, strict=True)
    ]
    for thread in threads:
        thread.start()

    def wait() -> None:
        for thread in threads:
            thread.join()
        done.set()

    threading.Thread(target=wait).start()
    messages = controlled.listen_until(done)
    assert [told.error for told in both] == [None, None]
    anna, ben = both
    return messages, Told(anna.prompts | ben.prompts, anna.leases | ben.leases, anna.applied + ben.applied)


def test_every_message_asks_for_what_its_prompt_version_stands_for(controlled: Controlled) -> None:
    messages, told = two_controllers(controlled, seconds=1.5, per_s=40.0)

    check(messages, told)
    assert len(told.applied) > 20
    assert len({message.prompt.version for message in messages}) > 5
    assert {track.phrase.split()[0] for message in messages for track in message.tracks} == {"red", "green"}
    assert controlled.node.commands.status().leases == ()


@pytest.mark.slow
def test_no_lease_is_lost_or_left_behind_in_a_minute(controlled: Controlled) -> None:
    messages, told = two_controllers(controlled, seconds=60.0, per_s=10.0)

    check(messages, told)
    assert len(told.applied) > 300
    assert all(end is not None for _, end in told.leases.values())
    assert controlled.node.commands.status().leases == ()


def test_a_picture_and_its_message_belong_together(controlled: Controlled) -> None:
    with Controller(controlled.address, timeout_s=20.0) as node:
        jpeg, message = node.picture("left", timeout_s=10.0)

    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (message.frame.height, message.frame.width, 3)
    red = next(track for track in message.tracks if track.phrase == "red blob")
    x1, y1, x2, y2 = (round(value) for value in red.box_xyxy)
    blue, green, red_value = image[(y1 + y2) // 2, (x1 + x2) // 2].tolist()
    assert red_value > 150
    assert max(blue, green) < 100


def test_sources_come_change_and_go(controlled: Controlled, clip: str) -> None:
    with Controller(controlled.address, timeout_s=20.0) as node:
        node.add_source({"name": "third", "url": clip, "pace": "realtime", "loop": True, "prompt": "green blob"})
        with pytest.raises(ControlError, match="third") as refused:
            node.add_source({"name": "third", "url": clip})
        assert refused.value.code == "name_taken"
        assert node.picture("third", timeout_s=10.0)[1].prompt.phrases == ("green blob",)
        node.update_source({"name": "third", "roi_xyxy": [0, 0, 160, 120]})
        assert node.sources()[2]["settings"]["roi_xyxy"] == [0, 0, 160, 120]
        node.remove_source("third")
        assert [source.source for source in node.status().sources] == ["left", "right"]


def test_a_file_that_cannot_be_read_is_refused_and_nothing_changes(controlled: Controlled, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no pictures in here")
    with Controller(controlled.address, timeout_s=20.0) as node:
        for url in (str(tmp_path / "none.mp4"), str(tmp_path / "notes.txt")):
            with pytest.raises(ControlError) as refused:
                node.add_source({"name": "third", "url": url})
            assert refused.value.code == "bad_source"
        assert [source.source for source in node.status().sources] == ["left", "right"]


def test_phrases_go_with_the_program_that_asked_for_them(controlled: Controlled) -> None:
    commands = controlled.node.commands
    with Controller(controlled.address, timeout_s=20.0) as node:
        node.lease("blue thing", seconds=60.0, source="left")
        assert commands.status().prompts["left"].names == ("red blob", "green blob", "blue thing")
        assert commands.status().prompts["right"].names == ("red blob", "green blob")

    assert eventually(lambda: commands.status().prompts["left"].names == ("red blob", "green blob"))
    assert commands.status().leases == ()


def test_who_asks_while_the_node_ends_is_told_so(controlled: Controlled) -> None:
    controlled.node.stop()

    with Controller(controlled.address, timeout_s=20.0) as node, pytest.raises(ControlError) as refused:
        node.pause()

    assert refused.value.code == "stopped"


def test_a_prompt_that_was_accepted_is_not_undone_by_who_only_changes_a_threshold(controlled: Controlled) -> None:
    done = threading.Event()

    def update_thresholds() -> None:
        with Controller(controlled.address, timeout_s=20.0) as other:
            count = 0
            while not done.is_set():
                count += 1
                other.update_source({"name": "left", "threshold": 0.1 + 0.001 * (count % 100)})

    undone: list[str] = []
    worker = threading.Thread(target=update_thresholds)
    worker.start()
    with Controller(controlled.address, timeout_s=20.0) as node:
        for count in range(60):
            node.set_prompt(f"red thing {count}", source="left")
            time.sleep(0.005)
            if (asked := node.status().prompts["left"].names) != (f"red thing {count}",):
                undone.append(f"{count}: {asked}")
    done.set()
    worker.join()
    assert undone == []


def test_pictures_that_do_not_come_keep_no_room_from_other_clients(controlled: Controlled) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(Controller(controlled.address, timeout_s=20.0))
        other.pause("left")
        context = stack.enter_context(zmq.Context[zmq.Socket[bytes]]())
        flood = [Client(context, controlled.address) for _ in range(16)]
        for client in flood:
            stack.callback(client.socket.close, linger=0)
            for _ in range(17):
                client.send({"op": "picture", "source": "left", "timeout_s": 10})
        assert [client.receive()["error"]["code"] for client in flood] == ["busy"] * 16  # all others wait

        begin_s = time.monotonic()
        assert other.status().paused == ("left",)
        assert other.picture("right", timeout_s=10.0)[1].source == "right"
        assert time.monotonic() - begin_s < 2.0
        other.resume("left")
        assert all(client.receive()["ok"] for client in flood)
