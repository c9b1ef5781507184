"""The Foxglove view: a client of its WebSocket protocol receives boxes, pictures and states."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from groundcast.stream.bridges.feed import FeedOptions
from groundcast.stream.bridges.foxglove_view import FoxgloveError, FoxgloveView
from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher

from ...waiting import eventually
from ..spoken import ANY_PORT, JPEG, speaking, status

MESSAGE = 1  # the protocol's operation that carries a message: it, the subscription, the time, then the bytes


@contextmanager
def view_of(address: str) -> Generator[FoxgloveView]:
    over = threading.Event()
    view = FoxgloveView(FeedOptions(address), port=0)
    thread = threading.Thread(target=view.run, args=(over.is_set,))
    thread.start()
    try:
        yield view
    finally:
        over.set()
        thread.join()


def advertised(client: ClientConnection, topics: set[str]) -> dict[str, Any]:
    """The channels of these topics, once the server has told all of them."""
    known: dict[str, Any] = {}
    while not topics <= set(known):
        said = client.recv(timeout=30)
        if isinstance(said, str):
            known |= {one["topic"]: one for one in json.loads(said).get("channels", [])}
    return known


def received(client: ClientConnection, subscription: int) -> tuple[int, bytes]:
    """The next message of a subscription: its time in ns, and its bytes."""
    while True:
        said = client.recv(timeout=30)
        if isinstance(said, bytes) and said[0] == MESSAGE:
            number, moment_ns = struct.unpack("<IQ", said[1:13])
            if number == subscription:
                return moment_ns, said[13:]


def test_a_client_receives_boxes_pictures_and_states() -> None:
    with (
        Publisher(PublisherOptions(ANY_PORT), "bench") as publisher,
        view_of(publisher.address) as view,
        speaking(publisher) as sent,
        connect(f"ws://127.0.0.1:{view.port}", subprotocols=["foxglove.sdk.v1"]) as client,  # type: ignore[list-item]
    ):
        eventually(lambda: publisher.send_status(status(0)) or len(sent) > 5)
        assert not publisher.wants_pictures("wrist")
        base = "/bench/wrist"
        channels = advertised(client, {f"{base}/image", f"{base}/boxes", f"{base}/status"})
        wanted = [channels[f"{base}/{name}"]["id"] for name in ("boxes", "image", "status")]
        subscriptions = [{"id": number, "channelId": channel} for number, channel in enumerate(wanted)]
        client.send(json.dumps({"op": "subscribe", "subscriptions": subscriptions}))
        _, boxes = received(client, 0)
        _, picture = received(client, 1)
        publisher.send_status(status(3))
        _, told = received(client, 2)

    assert channels[f"{base}/boxes"]["schemaName"] == "foxglove.ImageAnnotations"
    assert b"red mug 7 0.90" in boxes
    assert JPEG in picture
    assert json.loads(told)["state"] == "running"
    assert view.figures.sent["boxes"] > 0


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with (
        Publisher(PublisherOptions(ANY_PORT), "bench") as publisher,
        view_of(publisher.address) as view,
        pytest.raises(FoxgloveError, match=f"127.0.0.1:{view.port} cannot be served on .* give another --port"),
    ):
        FoxgloveView(FeedOptions(publisher.address), port=view.port)
