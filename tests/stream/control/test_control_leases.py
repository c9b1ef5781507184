"""Leases end with the connections that asked for them."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import msgpack
import pytest
import zmq

from groundcast.stream.control.server import ControlServer
from groundcast.stream.options import ControlOptions

from ...waiting import eventually
from ..plain_node import PlainNode
from ..published_schemas import is_valid
from ..raw_client import ASK, Client, Connect, packed

ASKER = """
import sys, time
from groundcast.stream.controller import Controller
node = Controller(sys.argv[1], timeout_s=20)
node.lease("bolt", 60.0), node.lease("nut", 60.0)
asking = node.ask("cup", seconds=60.0)
print("asked", flush=True)
time.sleep(60)
"""


def test_a_req_socket_is_answered_and_never_hears_an_event(control: ControlServer, plain_node: PlainNode) -> None:
    plain_node.picture_taken.clear()
    with zmq.Context() as context, context.socket(zmq.REQ) as req:
        req.connect(control.address)
        req.send(packed({"id": 1, **ASK}))
        assert req.poll(20_000)
        assert msgpack.unpackb(req.recv())["ok"]
        req.send(packed({"id": 2, "op": "picture", "source": "wrist", "timeout_s": 1.5}))  # an event would come first
        assert req.poll(20_000)
        assert msgpack.unpackb(req.recv())["error"]["code"] == "not_ready"

    assert len(plain_node.status().leases) == 1


def test_holders_of_leases_are_told_every_second_what_they_hold(connect: Connect) -> None:
    client = connect()
    first, second = client.answer(ASK)["lease"], client.answer(ASK)["lease"]
    client.answer({"op": "release", "lease": first})

    while len((event := client.receive())["leases"]) != 1 or event["leases"].get(second, 60) > 59:
        assert is_valid("event", event)

    assert set(event["leases"]) == {second}


def test_leases_end_with_the_connection_that_asked_last(connect: Connect, plain_node: PlainNode) -> None:
    anna, ben = connect(), connect()
    kept = anna.answer(ASK)["lease"]
    anna.answer({**ASK, "phrases": ["nut"]})
    ben.answer({**ASK, "lease": kept})

    anna.socket.close(linger=0)

    assert eventually(lambda: len(plain_node.status().leases) == 1)
    assert [one.id for one in plain_node.leases.held] == [kept]
    time.sleep(1.2)  # ben is told once more, and is there
    assert [one.id for one in plain_node.leases.held] == [kept]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:*", "ipc://{folder}/node.control"])
def test_leases_of_a_client_that_was_killed_end_within_two_seconds(
    plain_node: PlainNode, tmp_path: Path, address: str
) -> None:
    with ControlServer(ControlOptions(address.format(folder=tmp_path))) as control:
        control.start(plain_node, on_failure=pytest.fail)
        command = [sys.executable, "-c", ASKER, control.address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asker:
            assert asker.stdout is not None
            assert asker.stdout.readline() == "asked\n"
            assert len(plain_node.status().leases) == 3
            asker.kill()
            killed_s = time.monotonic()
            assert eventually(lambda: not plain_node.status().leases)

        assert time.monotonic() - killed_s < 25.0  # two seconds on a machine that is not busy


def test_what_a_client_asked_for_just_before_it_was_gone_does_not_stay(connect: Connect, plain_node: PlainNode) -> None:
    plain_node.picture_taken.clear()
    client = connect()
    client.send({"op": "picture", "source": "wrist", "timeout_s": 10})
    client.send(ASK)
    assert connect().answer({"op": "status"})["ok"]
    client.socket.close(linger=0)

    plain_node.picture_taken.set()

    assert eventually(lambda: "ask bolt" in plain_node.done)
    assert eventually(lambda: not plain_node.leases.held)


def test_a_lease_that_another_client_renewed_while_its_holder_went_stays(
    control: ControlServer, connect: Connect, plain_node: PlainNode
) -> None:
    plain_node.picture_taken.clear()
    anna, ben = connect(), connect()
    lease = anna.answer(ASK)["lease"]
    anna.send({"op": "picture", "source": "wrist", "timeout_s": 10})
    assert eventually(lambda: bool(control._executor._queues))
    anna.socket.close(linger=0)
    assert eventually(lambda: not control._holders)  # her leases are to end once her picture is there

    ben.answer({**ASK, "lease": lease})
    plain_node.picture_taken.set()

    assert eventually(lambda: "release" in plain_node.done)
    assert [one.id for one in plain_node.leases.held] == [lease]


def test_a_lease_that_the_node_ended_is_told_with_nothing_left(connect: Connect, plain_node: PlainNode) -> None:
    client = connect()
    lease = client.answer(ASK)["lease"]

    plain_node.release(lease)

    assert eventually(lambda: client.receive()["leases"] == {lease: 0})


def test_connections_of_one_process_share_what_one_client_may_ask_for(tmp_path: Path, plain_node: PlainNode) -> None:
    with (
        ControlServer(ControlOptions(f"ipc://{tmp_path}/control")) as control,
        zmq.Context[zmq.Socket[bytes]]() as context,
    ):
        control.start(plain_node, on_failure=pytest.fail)
        first, second = Client(context, control.address), Client(context, control.address)
        assert first.answer({**ASK, "phrases": [f"bolt {number}" for number in range(40)]})["ok"]
        code, text = second.refusal({**ASK, "phrases": [f"nut {number}" for number in range(40)]})
        assert (code, "80 wordings of one user" in text) == ("too_many", True)
        (lease,) = second.answer({"op": "status"})["leases"]
        assert lease["client"].startswith(f"pid{os.getpid()}/")
        for client in (first, second):
            client.socket.close(linger=0)
