"""A client of the control socket as any ZeroMQ program would be, which knows nothing of ours."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import msgpack
import zmq

ASK = {"op": "ask", "phrases": ["bolt"], "seconds": 60}
SOURCE = {"name": "door", "url": "rtsp://eve:secret@door.example/live"}
PHRASE = {"name": "nut", "ask": ["hex nut"], "threshold": 0.4, "negative": False}


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
