"""The controller: the same commands as on the node itself, from another process."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import zmq

from groundcast.model.prompt import Phrase, Prompt
from groundcast.stream.control.server import ControlServer
from groundcast.stream.controller import ControlError, Controller, NoAnswerError
from groundcast.stream.options import ControlOptions, SourceOptions
from groundcast.stream.sockets.connect import ConnectError
from groundcast.stream.wire.packing import MAX_BODY_BYTES, pack

from ..waiting import eventually
from .plain_node import JPEG, PlainNode


@pytest.fixture
def controller(control: ControlServer) -> Iterator[Controller]:
    with Controller(control.address, timeout_s=20.0) as controller:
        yield controller


def test_a_controller_reads_the_status_as_the_node_has_it(controller: Controller, plain_node: PlainNode) -> None:
    controller.set_prompt(Prompt((Phrase("red mug", ("mug", "cup"), 0.4), Phrase("table", negative=True))))
    controller.pause("shelf")
    lease = controller.lease([Phrase("bolt", threshold=0.5)], 60.0, "wrist")

    seen, known = controller.status(), plain_node.status()

    assert lease.seconds_left == pytest.approx(60.0)
    assert seen.prompts == known.prompts
    assert seen.prompts["wrist"].phrases[2] == Phrase("bolt", threshold=0.5)
    assert seen.sources == known.sources
    assert (seen.node, seen.epoch, seen.model, seen.paused) == (known.node, known.epoch, known.model, ("shelf",))
    assert [(one.client, one.phrases, one.source) for one in seen.leases] == [
        (one.client, one.phrases, one.source) for one in known.leases
    ]


def test_long_prompts_of_many_sources_come_in_several_answers(controller: Controller, plain_node: PlainNode) -> None:
    plain_node.base = Prompt(tuple(Phrase(f"{number:04}".ljust(200, "x")) for number in range(1000)))
    for number in range(43):
        source = SourceOptions(f"camera-{number}", f"rtsp://camera-{number}.example/live", prompt=plain_node.base)
        plain_node.options[source.name] = source
    assert sum(len(phrase.name) for phrase in plain_node.base.phrases) * len(plain_node.options) > MAX_BODY_BYTES

    seen, known = controller.status(), plain_node.status()

    assert [one.source for one in seen.sources] == list(plain_node.options)
    assert seen.prompts == known.prompts
    assert [one["settings"]["name"] for one in controller.sources()] == list(plain_node.options)


def test_every_command_reaches_the_node(controller: Controller, plain_node: PlainNode) -> None:
    controller.set_prompt("bolt . nut")
    controller.set_thresholds({"bolt": 0.5}, "wrist")
    controller.add_source({"name": "door", "url": "rtsp://door.example/live", "roi_xyxy": (0, 0, 64, 48)})
    controller.update_source({"name": "door", "target_hz": 5})
    controller.remove_source("door")
    controller.reset_tracks()
    controller.pause()
    applied = controller.resume("wrist")
    jpeg, message = controller.picture("wrist")

    assert plain_node.done == [
        *("prompt bolt. nut", "prompt bolt. nut", "add door", "update door", "remove door", "reset None"),
        *("pause None", "resume wrist", "picture wrist"),
    ]
    assert plain_node.base.phrases == (Phrase("bolt", threshold=0.5), Phrase("nut"))
    assert applied.first_seq == {"wrist": (1, applied.prompt_version), "shelf": (1, applied.prompt_version)}
    assert (jpeg, message.source) == (JPEG, "wrist")
    assert controller.sources()[0]["settings"] == {
        "name": "wrist",
        "url": "rtsp://***@wrist.example/live",
        "pace": "asap",
        "loop": False,
        "folder": "pictures",
        "transport": "tcp",
        "redirect_hosts": [],
        "away_s": 2.0,
        "relink_s": 2.0,
        "open_timeout_s": 5.0,
        "read_timeout_s": 5.0,
        "camera_latency_ms": 0.0,
        "key_frames_only": False,
        "decode": "cpu",
        "decode_process": False,
        "frozen_after_s": 10.0,
    }


def test_what_the_node_refuses_is_raised_with_its_code(controller: Controller) -> None:
    with pytest.raises(ControlError, match="no source is called 'door'") as refused:
        controller.pause("door")
    assert refused.value.code == "unknown_source"

    with pytest.raises(ControlError, match="at version 1, not 7") as refused:
        controller.set_prompt("bolt", if_version=7)
    assert refused.value.code == "version_conflict"

    with pytest.raises(ControlError, match=r"did you mean 'bolt \. nut'") as refused:
        controller.set_prompt("bolt, nut")
    assert refused.value.code == "bad_prompt"


def test_phrases_are_asked_for_until_the_block_is_left(controller: Controller, plain_node: PlainNode) -> None:
    with controller.ask("bolt . nut", seconds=1.0) as asking:
        first = asking.lease
        assert plain_node.status().prompts["wrist"].names == ("red mug", "bolt", "nut")
        time.sleep(1.5)  # longer than the lease, which is renewed
        assert plain_node.status().prompts["wrist"].names == ("red mug", "bolt", "nut")
        assert asking.error is None
        assert asking.lease.id == first.id

    assert plain_node.status().prompts["wrist"].names == ("red mug",)


def test_a_lease_that_was_lost_is_asked_for_anew(controller: Controller, plain_node: PlainNode) -> None:
    with controller.ask(["bolt"], "shelf", seconds=1.0) as asking:
        plain_node.release(asking.lease.id)  # as if the node had been restarted
        assert eventually(lambda: bool(plain_node.status().leases))
        assert [one.source for one in plain_node.leases.held] == ["shelf"]
        assert asking.error is None


def test_phrases_that_are_refused_are_so_at_once(controller: Controller) -> None:
    with pytest.raises(ControlError, match="ask for 1 to 3600 s"):
        controller.ask("bolt", seconds=0.5)


def test_a_node_that_is_not_there_is_said_in_one_sentence(plain_node: PlainNode) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Controller(f"tcp://127.0.0.1:{port}", timeout_s=0.2) as controller:
        with pytest.raises(NoAnswerError, match=r"within 0.2 s: is a node running there\?"):
            controller.set_prompt("bolt")
        with ControlServer(ControlOptions(controller.address)) as control:
            control.start(plain_node, on_failure=pytest.fail)
            controller.timeout_s = 20.0

            controller.pause()

    assert plain_node.done == ["pause None"]  # and no prompt whose caller has given up


def test_an_answer_that_comes_too_late_is_not_taken_for_another(controller: Controller, plain_node: PlainNode) -> None:
    controller.timeout_s = 0.2
    with plain_node.turn, pytest.raises(TimeoutError, match="no answer"):
        controller.pause()
    controller.timeout_s = 20.0

    assert controller.status().node == "bench"


@pytest.mark.parametrize("address", ["127.0.0.1:6570", "tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "udp://a:1"])
def test_an_address_that_cannot_be_meant_is_refused(address: str) -> None:
    with pytest.raises(ConnectError):
        Controller(address)


@pytest.mark.parametrize("body", [b"", b"\xc1", pack({"id": 1}), pack({"id": 1, "ok": True}), pack({"id": 1, "ok": 1})])
def test_a_server_that_speaks_something_else_is_noticed(body: bytes) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as server:
        port = server.bind_to_random_port("tcp://127.0.0.1")
        with Controller(f"tcp://127.0.0.1:{port}", timeout_s=20.0) as controller:
            server.send(body)  # waits until a client is connected
            with pytest.raises(ControlError, match="do not agree") as refused:
                controller.status()

    assert refused.value.code == "bad_answer"
