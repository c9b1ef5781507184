"""What clients without a key, and wrong requests, can change through the control socket: nothing."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import os
from pathlib import Path

import msgpack
import pytest

from groundcast.stream.control.server import ControlServer
from groundcast.stream.controller import Controller, NoAnswerError
from groundcast.stream.options import ControlOptions, SourceOptions
from groundcast.stream.sockets.allow_list import allow, revoke
from groundcast.stream.sockets.key_files import public_file

from ...waiting import eventually
from ..key_folder import hand_over, make_keys
from ..plain_node import PlainNode
from ..published_schemas import is_valid
from ..raw_client import SOURCE, Connect, packed

BAD_URLS = ("gopher://eve:secret@hole/", "rtsp://eve:secret@door:0/", "rtsp://eve:secret@:1/x")


def test_secrets_never_come_back(connect: Connect, plain_node: PlainNode) -> None:
    client = connect()
    client.answer({"op": "add_source", "source": SOURCE})
    said = [client.answer(one) for one in ({"op": "list"}, {"op": "status"}, {"op": "add_source", "source": SOURCE})]
    said += [client.answer({"op": "add_source", "source": {"name": "a", "url": url}}) for url in BAD_URLS]
    said += [client.answer({"op": "set_prompt", "rtsp://eve:secret@door": "rtsp://eve:secret@door"})]
    plain_node.fail = True
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
        ("lavfi:testsrc,metadata=mode=print:file={pipe}", "may write files"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_without_being_opened(
    connect: Connect, plain_node: PlainNode, tmp_path: Path, url: str, says: str
) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait until a program writes

    code, text = connect().refusal(
        {"op": "add_source", "source": {"name": "door", "url": url.format(pipe=tmp_path / "pipe")}}
    )

    assert code == "bad_source"
    assert says.replace(" ,", ",") in text
    assert "door" not in plain_node.options


def test_filters_that_the_settings_name_may_stay_and_no_others_may_come(
    connect: Connect, plain_node: PlainNode
) -> None:
    plain_node.options["door"] = SourceOptions("door", "lavfi:testsrc")
    client = connect()

    assert client.answer({"op": "update_source", "source": {"name": "door", "frame_id": "door_optical"}})["ok"]
    code, text = client.refusal({"op": "update_source", "source": {"name": "door", "url": "lavfi:testsrc2"}})

    assert (code, "may write files" in text) == ("bad_source", True)
    assert (plain_node.options["door"].url, plain_node.options["door"].frame_id) == ("lavfi:testsrc", "door_optical")


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
def test_what_has_no_id_is_answered_with_none(connect: Connect, body: bytes) -> None:
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


def test_too_large_a_request_ends_the_connection_and_nothing_else(connect: Connect, plain_node: PlainNode) -> None:
    large, small = connect(), connect()
    large.send({"op": "set_prompt", "prompt": "x" * 300_000})

    assert small.answer({"op": "status"})["ok"]
    assert not large.socket.poll(200)
    assert plain_node.done == []


def test_frames_that_are_no_request_are_dropped_and_counted(control: ControlServer, connect: Connect) -> None:
    client = connect()
    body = packed({"id": 1, "op": "pause"})
    for frames in ([b"a", body], [b"", b"", body], [body] * 3):
        client.socket.send_multipart(frames)

    assert client.answer({"op": "status"})["paused"] == []
    assert control.dropped == 3


def test_only_those_whose_keys_may_control_are_let_in(plain_node: PlainNode, tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys", "anna", "ben", "cleo")
    revoke(keys, "ben")
    allow(keys, "ben", public_file(keys, "ben"), ["watch"])
    anna, ben, cleo = (hand_over(keys, name, tmp_path / name) for name in ("anna", "ben", "cleo"))
    with ControlServer(ControlOptions("tcp://127.0.0.1:*", keys=keys)) as control:
        control.start(plain_node, on_failure=pytest.fail)
        with Controller(control.address, 20.0, keys=anna) as one, Controller(control.address, 20.0, keys=cleo) as other:
            one.lease("bolt", 60.0)
            other.lease("nut", 60.0)
            assert [lease.client.partition("/")[0] for lease in one.status().leases] == ["anna", "cleo"]
            for rejected in (Controller(control.address, 1.0, keys=ben), Controller(control.address, 1.0)):
                with rejected, pytest.raises(NoAnswerError, match=r"know our key|demands keys"):
                    rejected.pause()

            revoke(keys, "cleo")

            other.timeout_s = 1.0
            assert eventually(lambda: not plain_node.leases.held)  # all were cut off, and anna would ask again
            with pytest.raises(NoAnswerError, match="does not know our key"):
                other.pause()
            assert one.status().paused == ()
