"""The control socket, as any ZeroMQ program meets it."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import itertools
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgpack
import pytest
import zmq
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from groundcast.stream import binding
from groundcast.stream import control as control_file
from groundcast.stream.control import Control
from groundcast.stream.control_requests import OPERATIONS
from groundcast.stream.control_wire import ErrorCode
from groundcast.stream.options import ControlOptions
from groundcast.stream.source_settings import PhraseSettings, SourceSettings

from .plain_node import JPEG, PlainNode

STREAM = Path(control_file.__file__).parent
ASK = {"op": "ask", "phrases": ["bolt"], "seconds": 60}
SOURCE = {"name": "door", "url": "rtsp://eve:secret@door.example/live"}
PHRASE = {"name": "nut", "ask": ["hex nut"], "threshold": 0.4, "negative": False}
ANSWERS = {"status": "status_answer", "list": "list_answer", "picture": "picture_answer", "ask": "lease_answer"}
BAD_URLS = ("gopher://eve:secret@hole/", "rtsp://eve:secret@door:0/", "rtsp://eve:secret@:1/x")
GOOD: list[dict[str, Any]] = [
    {"op": "status"},
    {"op": "list"},
    {"op": "set_prompt", "prompt": "red mug . blue cube"},
    {"op": "set_prompt", "prompt": ["bolt", PHRASE, {"name": "table", "negative": True}], "source": "wrist"},
    {"op": "set_thresholds", "thresholds": {"red mug": 0.5, "bolt": 1}},
    {"op": "add_source", "source": {**SOURCE, "roi_xyxy": [0, 0, 64, 48], "target_hz": 5, "prompt": ["bolt", PHRASE]}},
    {"op": "update_source", "source": {"name": "wrist", "target_hz": 2.5}},
    {"op": "reset_tracks"},
    {"op": "pause", "source": "wrist"},
    {"op": "resume"},
    {"op": "picture", "source": "wrist", "timeout_s": 1},
    ASK,
    {**ASK, "phrases": "bolt . nut", "source": "wrist"},
    {"op": "release", "lease": "never there"},
    {"op": "remove_source", "source": "wrist"},
]
BAD: list[dict[str, Any]] = [
    {"op": "status", "source": "wrist"},
    {"op": "set_prompt"},
    {"op": "set_prompt", "prompt": 7},
    {"op": "set_prompt", "prompt": ["bolt", 7]},
    {"op": "set_prompt", "prompt": "bolt", "source": "a/b"},
    {"op": "set_prompt", "prompt": "bolt", "if_version": "1"},
    {"op": "set_prompt", "prompt": "bolt", "if_version": -1},
    {"op": "set_thresholds", "thresholds": {}},
    {"op": "set_thresholds", "thresholds": {"bolt": 1.5}},
    {"op": "set_thresholds", "thresholds": {"bolt": "0.5"}},
    {"op": "add_source", "source": "door"},
    {"op": "add_source", "source": {"name": "door"}},
    {"op": "add_source", "source": {**SOURCE, "loop": 1}},
    {"op": "add_source", "source": {**SOURCE, "read_timeout_s": 0}},
    {"op": "update_source", "source": {"target_hz": 5}},
    {"op": "update_source", "source": {"name": "wrist", "url": ""}},
    {"op": "remove_source", "source": None},
    {"op": "picture", "source": "wrist", "timeout_s": 11},
    {"op": "ask", "phrases": ["bolt"]},
    {"op": "ask", "phrases": ["bolt"], "seconds": True},
    {"op": "release", "lease": ""},
]


ASKER = """
import sys, time
from groundcast.stream.control_client import Controller
node = Controller(sys.argv[1], timeout_s=20)
node.lease("bolt", 60.0), node.lease("nut", 60.0)
asking = node.ask("cup", seconds=60.0)
print("asked", flush=True)
time.sleep(60)
"""


def packed(value: object) -> bytes:
    body = msgpack.packb(value)
    assert isinstance(body, bytes)
    return body


class Client:
    """A DEALER socket and what it says, as a program in any language would."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.connect(address)
        self._ids = itertools.count(1)

    def send(self, request: dict[str, Any]) -> int:
        request_id = next(self._ids)
        self.socket.send(packed({"id": request_id, **request}))
        return request_id

    def receive(self, wait_ms: int = 20_000) -> dict[str, Any]:
        assert self.socket.poll(wait_ms), "no answer"
        return msgpack.unpackb(self.socket.recv())

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        request_id = self.send(request)
        while (answer := self.receive()).get("id") != request_id:
            assert answer["event"] == "leases"
        return answer

    def refusal(self, request: dict[str, Any]) -> tuple[str, str]:
        answer = self.answer(request)
        assert not answer["ok"]
        return answer["error"]["code"], answer["error"]["message"]


Connect = Callable[[], Client]


@pytest.fixture
def node() -> PlainNode:
    return PlainNode("wrist", "shelf")


@pytest.fixture
def control(node: PlainNode) -> Iterator[Control]:
    with Control(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(node, on_failure=pytest.fail)
        yield control
        assert control.failure is None


@pytest.fixture
def connect(control: Control) -> Iterator[Connect]:
    with zmq.Context() as context:
        opened: list[Client] = []

        def open_one() -> Client:
            opened.append(Client(context, control.address))
            return opened[-1]

        yield open_one
        for client in opened:
            client.socket.close(linger=0)


@pytest.fixture(scope="module")
def registry() -> Registry[Any]:
    """The published schemas, by their names."""
    files = [json.loads((STREAM / f"{name}.schema.json").read_text()) for name in ("control", "message", "status")]
    return Registry[Any]().with_resources([(one["$id"], Resource.from_contents(one)) for one in files])


@pytest.fixture(scope="module")
def is_valid(registry: Registry[Any]) -> Callable[[str, object], bool]:
    """Whether a value is what the schema of the control socket calls by a name."""

    def check(name: str, value: Any) -> bool:
        schema = {"$ref": f"urn:groundcast:control:1#/$defs/{name}"}
        return Draft202012Validator(schema, registry=registry).is_valid(value)

    return check


IsValid = Callable[[str, object], bool]


def eventually(is_true: Callable[[], bool], within_s: float = 20.0) -> bool:
    deadline_s = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("request_map", GOOD, ids=lambda request: request["op"])
def test_every_request_is_carried_out_and_answered_as_the_schema_says(
    connect: Connect, is_valid: IsValid, request_map: dict[str, Any]
) -> None:
    answer = connect().answer(request_map)

    assert answer["ok"] is True
    assert is_valid(request_map["op"], {"id": 1, **request_map})
    assert is_valid(ANSWERS.get(request_map["op"], "applied_answer"), answer)
    assert is_valid("answer", answer)


@pytest.mark.parametrize("request_map", BAD, ids=str)
def test_what_is_no_request_is_refused_by_the_node_and_by_the_schema(
    connect: Connect, node: PlainNode, is_valid: IsValid, request_map: dict[str, Any]
) -> None:
    answer = connect().answer(request_map)

    assert answer["error"]["code"] == "bad_request"
    assert is_valid("error_answer", answer)
    assert not is_valid("request", {"id": 1, **request_map})
    assert node.done == []


def test_the_schema_knows_every_request_and_every_key(registry: Registry[Any]) -> None:
    known = registry.contents("urn:groundcast:control:1")["$defs"]

    assert [one["$ref"].rpartition("/")[2] for one in known["request"]["oneOf"]] == list(OPERATIONS)
    for operation, model in OPERATIONS.items():
        assert set(known[operation]["properties"]) == {"id", "op", *model.model_fields}
        required = [name for name, field in model.model_fields.items() if field.is_required()]
        assert known[operation]["required"] == ["id", "op", *required]
    assert set(known["source"]["properties"]) == set(SourceSettings.model_fields)
    assert set(known["phrase"]["properties"]) == set(PhraseSettings.model_fields)
    assert set(known["error_answer"]["properties"]["error"]["properties"]["code"]["enum"]) == {
        code for part in get_args(ErrorCode) for code in (get_args(part) or (part,))
    }


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


def test_a_source_is_changed_in_what_was_given_alone(connect: Connect, node: PlainNode) -> None:
    client = connect()
    client.answer({"op": "add_source", "source": {**SOURCE, "target_hz": 5, "roi_xyxy": [0, 0, 64, 48]}})

    client.answer({"op": "update_source", "source": {"name": "door", "target_hz": None, "prompt": ["bolt", PHRASE]}})

    options = node.options["door"]
    assert options.url == SOURCE["url"]
    assert options.roi_xyxy == (0, 0, 64, 48)
    assert options.target_hz is None
    assert options.prompt is not None
    assert options.prompt.names == ("bolt", "nut")


def test_secrets_never_come_back(connect: Connect, node: PlainNode) -> None:
    client = connect()
    client.answer({"op": "add_source", "source": SOURCE})
    said = [client.answer(one) for one in ({"op": "list"}, {"op": "status"}, {"op": "add_source", "source": SOURCE})]
    said += [client.answer({"op": "add_source", "source": {"name": "a", "url": url}}) for url in BAD_URLS]
    said += [client.answer({"op": "set_prompt", "rtsp://eve:secret@door": "rtsp://eve:secret@door"})]
    node.fail = True
    said += [client.answer({"op": "pause"})]

    assert said[0]["sources"][2]["settings"]["url"] == "rtsp://***@door.example/live"
    assert said[-1]["error"]["code"] == "failed"
    assert all(not one["ok"] for one in said[2:])
    assert "secret" not in repr(said)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("gopher://eve:secret@hole/", "gopher:// , which is not known"),
        ("rtsp://camera:0/live", "port 0"),
        ("{pipe}", "is a pipe or a device"),
        ("/dev/zero", "is a pipe or a device"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_without_being_opened(
    connect: Connect, node: PlainNode, tmp_path: Path, url: str, says: str
) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait until somebody writes

    code, text = connect().refusal(
        {"op": "add_source", "source": {"name": "door", "url": url.format(pipe=tmp_path / "pipe")}}
    )

    assert code == "bad_source"
    assert says.replace(" ,", ",") in text
    assert "door" not in node.options


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"GET / HTTP/1.1\r\n\r\n",
        b'{"id": 1, "op": "status"}',
        packed([1, "status"]),
        packed({"op": "status"}),
        packed({"id": None, "op": "status"}),
        packed({"id": True, "op": "status"}),
        packed({"id": "x" * 65, "op": "status"}),
        packed({"id": 1, "op": "status", "at": msgpack.Timestamp(1)}),
        packed({"id": 1, "op": "status"})[:-1],
        packed({"id": 1, "op": "status"}) * 2,
        b"\x91" * 100_000 + b"\xc0",
        b"\xdf\xff\xff\xff\xff",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_what_has_no_id_is_answered_with_none(connect: Connect, is_valid: IsValid, body: bytes) -> None:
    client = connect()
    client.socket.send(body)
    answer = client.receive()

    assert answer["id"] is None
    assert answer["error"]["code"] == "bad_request"
    assert is_valid("error_answer", answer)
    assert client.answer({"op": "status"})["ok"]


@pytest.mark.parametrize("operation", ["shutdown", "", None, 7, ["status"], {"status": 1}, b"status", "__class__"])
def test_an_unknown_operation_is_answered_with_those_there_are(connect: Connect, operation: object) -> None:
    code, text = connect().refusal({"op": operation})

    assert code == "unknown_op"
    assert "set_prompt, set_thresholds" in text


def test_deep_and_binary_values_are_refused_with_the_request_s_id(connect: Connect) -> None:
    deep: object = "bolt"
    for _ in range(400):
        deep = [deep]

    for prompt in (deep, b"bolt", {"name": b"bolt"}, float("nan")):
        assert connect().refusal({"op": "set_prompt", "prompt": prompt})[0] == "bad_request"


def test_too_large_a_request_ends_the_connection_and_nothing_else(connect: Connect, node: PlainNode) -> None:
    large, small = connect(), connect()
    large.send({"op": "set_prompt", "prompt": "x" * 300_000})

    assert small.answer({"op": "status"})["ok"]
    assert not large.socket.poll(200)
    assert node.done == []


def test_frames_that_are_no_request_are_dropped_and_counted(control: Control, connect: Connect) -> None:
    client = connect()
    body = packed({"id": 1, "op": "pause"})
    for frames in ([b"a", body], [b"", b"", body], [body] * 3):
        client.socket.send_multipart(frames)

    assert client.answer({"op": "status"})["paused"] == []
    assert control.dropped == 3


def test_a_req_socket_is_answered_and_never_hears_an_event(control: Control, node: PlainNode) -> None:
    node.picture_taken.clear()
    with zmq.Context() as context, context.socket(zmq.REQ) as req:
        req.connect(control.address)
        req.send(packed({"id": 1, **ASK}))
        assert req.poll(20_000)
        assert msgpack.unpackb(req.recv())["ok"]
        req.send(packed({"id": 2, "op": "picture", "source": "wrist", "timeout_s": 1.5}))  # an event would come first
        assert req.poll(20_000)
        assert msgpack.unpackb(req.recv())["error"]["code"] == "not_ready"

    assert len(node.status().leases) == 1


def test_a_slow_picture_holds_up_nobody_but_who_asked_for_it(connect: Connect, node: PlainNode) -> None:
    node.picture_taken.clear()
    patient, hasty = connect(), connect()
    first = patient.send({"op": "picture", "source": "wrist", "timeout_s": 10})
    second = patient.send({"op": "pause", "source": "wrist"})
    assert hasty.answer({"op": "resume", "source": "wrist"})["ok"]
    assert node.done == ["resume wrist"]

    node.picture_taken.set()

    picture = patient.receive()
    assert (picture["id"], picture["jpeg"], picture["message"]["source"]) == (first, JPEG, "wrist")
    assert patient.receive()["id"] == second
    assert node.done == ["resume wrist", "picture wrist", "pause wrist"]


def test_only_so_many_requests_wait_and_the_rest_are_told_so_at_once(connect: Connect, node: PlainNode) -> None:
    node.picture_taken.clear()
    client, other = connect(), connect()
    ids = [client.send({"op": "picture", "source": "wrist", "timeout_s": 10}) for _ in range(20)]

    busy = [client.receive() for _ in range(4)]
    assert {answer["error"]["code"] for answer in busy} == {"busy"}
    assert [answer["id"] for answer in busy] == ids[16:]
    assert other.answer({"op": "status"})["ok"]

    node.picture_taken.set()
    assert [client.receive()["id"] for _ in range(16)] == ids[:16]


def test_a_client_who_never_reads_holds_up_nobody(control: Control, connect: Connect, node: PlainNode) -> None:
    deaf, other = connect(), connect()
    deaf.socket.set(zmq.RCVHWM, 1)
    for _ in range(3000):
        deaf.send({"op": "picture", "source": "wrist"})

    assert other.answer({"op": "pause"})["ok"]
    assert control.failure is None


def test_one_request_s_failure_is_its_own(connect: Connect, node: PlainNode, caplog: pytest.LogCaptureFixture) -> None:
    node.fail = True
    code, text = connect().refusal({"op": "pause"})
    node.fail = False

    assert code == "failed"
    assert "OSError" in text
    assert connect().answer({"op": "pause"})["ok"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_holders_of_leases_are_told_every_second_what_they_hold(connect: Connect, is_valid: IsValid) -> None:
    client = connect()
    first, second = client.answer(ASK)["lease"], client.answer(ASK)["lease"]
    client.answer({"op": "release", "lease": first})

    while len((event := client.receive())["leases"]) != 1 or event["leases"].get(second, 60) > 59:
        assert is_valid("event", event)

    assert set(event["leases"]) == {second}


def test_leases_end_with_the_connection_that_asked_last(connect: Connect, node: PlainNode) -> None:
    anna, ben = connect(), connect()
    kept = anna.answer(ASK)["lease"]
    anna.answer({**ASK, "phrases": ["nut"]})
    ben.answer({**ASK, "lease": kept})

    anna.socket.close(linger=0)

    assert eventually(lambda: len(node.status().leases) == 1)
    assert [one.id for one in node.leases.held] == [kept]
    time.sleep(1.2)  # ben is told once more, and is there
    assert [one.id for one in node.leases.held] == [kept]


def test_leases_of_a_client_that_was_killed_end_within_two_seconds(control: Control, node: PlainNode) -> None:
    with subprocess.Popen([sys.executable, "-c", ASKER, control.address], stdout=subprocess.PIPE, text=True) as asker:
        assert asker.stdout is not None
        assert asker.stdout.readline() == "asked\n"
        assert len(node.status().leases) == 3
        asker.kill()
        killed_s = time.monotonic()
        assert eventually(lambda: not node.status().leases)

    assert time.monotonic() - killed_s < 10.0  # two seconds on a machine that is not busy


def test_what_a_client_asked_for_just_before_it_was_gone_does_not_stay(connect: Connect, node: PlainNode) -> None:
    node.picture_taken.clear()
    client = connect()
    client.send({"op": "picture", "source": "wrist", "timeout_s": 10})
    client.send(ASK)
    assert connect().answer({"op": "status"})["ok"]
    client.socket.close(linger=0)

    node.picture_taken.set()

    assert eventually(lambda: "ask bolt" in node.done)
    assert eventually(lambda: not node.leases.held)


def test_a_busy_address_is_said_in_one_sentence(control: Control) -> None:
    with pytest.raises(binding.BindError, match="is in use by another program"):
        Control(ControlOptions(control.address))
    with pytest.raises(binding.BindError, match="can be reached by others"):
        Control(ControlOptions("tcp://0.0.0.0:*"))


def test_it_ends_at_once_whatever_is_asked(node: PlainNode) -> None:
    node.picture_taken.clear()
    with zmq.Context() as context:
        with Control(ControlOptions("tcp://127.0.0.1:*")) as control:
            client = Client(context, control.address)
            client.send({"op": "status"})  # kept until somebody takes requests
            control.start(node, on_failure=pytest.fail)
            assert client.receive()["ok"]
            client.send({"op": "picture", "source": "wrist", "timeout_s": 10})
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 5.0  # half a second, and what a busy machine adds
        client.socket.close(linger=0)
    node.picture_taken.set()
    Control(ControlOptions("tcp://127.0.0.1:*")).close()  # never started


def test_a_thread_that_fails_ends_the_node(node: PlainNode, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_body: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(control_file, "parse_request", break_down)
    ended = threading.Event()
    with zmq.Context() as context, Control(ControlOptions("tcp://127.0.0.1:*")) as control:
        control.start(node, ended.set)
        client = Client(context, control.address)
        client.send({"op": "status"})

        assert ended.wait(20.0)
        assert isinstance(control.failure, ZeroDivisionError)
        client.socket.close(linger=0)
