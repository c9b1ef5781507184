"""The control socket, as any ZeroMQ program meets it."""

from __future__ import annotations

import logging
import threading
import time

import pytest
import zmq

from groundcast.stream.control import server as control_file
from groundcast.stream.control.server import ControlServer
from groundcast.stream.options import ControlOptions
from groundcast.stream.sockets.bound_socket import BindError

from ..plain_node import JPEG, PlainNode
from ..raw_client import ASK, PHRASE, SOURCE, Client, Connect


def test_the_status_tells_what_is_asked_of_each_source(connect: Connect) -> None:
    client = connect()
    client.answer({"op": "set_prompt", "prompt": ["red mug", PHRASE]})
    client.answer({**ASK, "source": "shelf"})
    client.answer({"op": "pause", "source": "wrist"})

    status = client.answer({"op": "status"})

    assert [phrase["name"] for phrase in status["prompts"]["wrist"]] == ["red mug", "nut"]
    assert [phrase["name"] for phrase in status["prompts"]["shelf"]] == ["red mug", "nut", "bolt"]
    assert status["prompts"]["wrist"][1] == {"name": "nut", "ask": ["hex nut"], "threshold": 0.4}
    assert status["paused"] == ["wrist"]
    assert [(lease["phrases"], lease["source"]) for lease in status["leases"]] == [(["bolt"], "shelf")]


def test_two_controllers_cannot_overwrite_each_other_unseen(connect: Connect) -> None:
    anna, ben = connect(), connect()
    version = anna.answer({"op": "status"})["prompt_version"]

    done = ben.answer({"op": "set_prompt", "prompt": "bolt", "if_version": version})
    code, text = anna.refusal({"op": "set_prompt", "prompt": "nut", "if_version": version})

    assert done["prompt_version"] == version + 1
    assert done["first_seq"]["wrist"] == [1, version + 1]
    assert code == "version_conflict"
    assert str(version + 1) in text


def test_a_source_is_changed_in_what_was_given_alone(connect: Connect, plain_node: PlainNode) -> None:
    client = connect()
    client.answer({"op": "add_source", "source": {**SOURCE, "target_hz": 5, "roi_xyxy": [0, 0, 64, 48]}})

    client.answer({"op": "update_source", "source": {"name": "door", "target_hz": None, "prompt": ["bolt", PHRASE]}})

    options = plain_node.options["door"]
    assert options.url == SOURCE["url"]
    assert options.roi_xyxy == (0, 0, 64, 48)
    assert options.target_hz is None
    assert options.prompt is not None
    assert options.prompt.names == ("bolt", "nut")


def test_a_slow_picture_delays_only_the_client_that_requested_it(connect: Connect, plain_node: PlainNode) -> None:
    plain_node.picture_taken.clear()
    patient, hasty = connect(), connect()
    first = patient.send({"op": "picture", "source": "wrist", "timeout_s": 10})
    second = patient.send({"op": "pause", "source": "wrist"})
    assert hasty.answer({"op": "resume", "source": "wrist"})["ok"]
    assert plain_node.done == ["resume wrist"]

    plain_node.picture_taken.set()

    picture = patient.receive()
    assert (picture["id"], picture["jpeg"], picture["message"]["source"]) == (first, JPEG, "wrist")
    assert patient.receive()["id"] == second
    assert plain_node.done == ["resume wrist", "picture wrist", "pause wrist"]


def test_only_so_many_requests_wait_and_the_rest_are_told_so_at_once(connect: Connect, plain_node: PlainNode) -> None:
    plain_node.picture_taken.clear()
    client, other = connect(), connect()
    ids = [client.send({"op": "picture", "source": "wrist", "timeout_s": 10}) for _ in range(20)]

    busy = [client.receive() for _ in range(4)]
    assert {answer["error"]["code"] for answer in busy} == {"busy"}
    assert [answer["id"] for answer in busy] == ids[16:]
    assert other.answer({"op": "status"})["ok"]

    plain_node.picture_taken.set()
    assert [client.receive()["id"] for _ in range(16)] == ids[:16]


def test_a_client_that_never_reads_delays_no_other(
    control: ControlServer, connect: Connect, plain_node: PlainNode
) -> None:
    deaf, other = connect(), connect()
    deaf.socket.set(zmq.RCVHWM, 1)
    for _ in range(3000):
        deaf.send({"op": "picture", "source": "wrist"})

    assert other.answer({"op": "pause"})["ok"]
    assert control.failure is None


def test_one_request_s_failure_is_its_own(
    connect: Connect, plain_node: PlainNode, caplog: pytest.LogCaptureFixture
) -> None:
    plain_node.fail = True
    code, text = connect().refusal({"op": "pause"})
    plain_node.fail = False

    assert code == "failed"
    assert "OSError" in text
    assert connect().answer({"op": "pause"})["ok"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_busy_address_is_said_in_one_sentence(control: ControlServer) -> None:
    with pytest.raises(BindError, match="is in use by another program"):
        ControlServer(ControlOptions(control.address))
    with pytest.raises(BindError, match="can be reached by others"):
        ControlServer(ControlOptions("tcp://0.0.0.0:*"))


def test_it_ends_at_once_whatever_is_asked(plain_node: PlainNode) -> None:
    plain_node.picture_taken.clear()
    with zmq.Context() as context:
        with ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control:
            client = Client(context, control.address)
            client.send({"op": "status"})  # kept until the server takes requests
            control.start(plain_node, on_failure=pytest.fail)
            assert client.receive()["ok"]
            client.send({"op": "picture", "source": "wrist", "timeout_s": 10})
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 9.0  # half a second, and what a busy machine adds
        client.socket.close(linger=0)
    plain_node.picture_taken.set()
    ControlServer(ControlOptions("tcp://127.0.0.1:*")).close()  # never started


def test_a_thread_that_fails_ends_the_node(plain_node: PlainNode, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_body: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(control_file, "parse_request", break_down)
    ended = threading.Event()
    with zmq.Context() as context, ControlServer(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(plain_node, ended.set)
        client = Client(context, control.address)
        client.send({"op": "status"})

        assert ended.wait(20.0)
        assert isinstance(control.failure, ZeroDivisionError)
        client.socket.close(linger=0)
