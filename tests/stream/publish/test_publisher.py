"""What leaves the node, as any ZeroMQ program meets it."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq
from jsonschema import Draft202012Validator

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish import publisher as publisher_file
from groundcast.stream.publish.publisher import Publisher, PublisherError
from groundcast.stream.wire.message import decode_detections, decode_picture_header, decode_status
from groundcast.stream.wire.message_types import DetectionMessage, PictureHeader, StatusMessage
from groundcast.stream.wire.topics import MessageError

from ...waiting import eventually

HERE = Path(__file__).parents[1]
NODE = "bench-2"
NONCE = "0123456789abcdef"
JPEG = b"\xff\xd8" + bytes(60_000)
Listen = Callable[..., zmq.Socket[bytes]]


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), NODE) as node:
        yield node


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Opens plain SUB sockets, whose subscriptions the node has taken in once it returns."""
    with zmq.Context() as context:
        opened: list[zmq.Socket[bytes]] = []

        def open_one(to: Publisher, *topics: bytes, most_kept: int = 10_000) -> zmq.Socket[bytes]:
            sub = context.socket(zmq.SUB)
            opened.append(sub)
            sub.set(zmq.RCVHWM, most_kept)
            for topic in topics:
                sub.subscribe(topic)
            sub.subscribe(f"img/1/bench-2/listener-{len(opened)}/".encode())
            sub.connect(to.address)
            assert eventually(lambda: to.wants_pictures(f"listener-{len(opened)}"))
            return sub

        yield open_one
        for sub in opened:
            sub.close(linger=0)


def detections(seq: int = 1, source: str = "wrist") -> DetectionMessage:
    body = (HERE / "golden_live.msgpack").read_bytes()
    return replace(decode_detections(body), seq=seq, source=source)


def status(seq: int = 1, source: str = "wrist") -> StatusMessage:
    body = (HERE / "golden_status.msgpack").read_bytes()
    return replace(decode_status(body), seq=seq, source=source)


def receive(sub: zmq.Socket[bytes], wait_ms: int = 30_000) -> list[bytes]:
    assert sub.poll(wait_ms), "nothing came"
    return sub.recv_multipart()


def receive_all(sub: zmq.Socket[bytes], quiet_ms: int = 300) -> list[list[bytes]]:
    got: list[list[bytes]] = []
    while sub.poll(quiet_ms):
        got.append(sub.recv_multipart())
    return got


def refusal(node: Publisher) -> str:
    """What the publisher says against a message, or "" if nothing."""
    try:
        node.send_detections(detections())
    except PublisherError as error:
        return str(error)
    return ""


def test_any_program_with_zmq_and_msgpack_reads_what_the_schema_promises(publisher: Publisher, listen: Listen) -> None:
    sub = listen(publisher, b"")
    publisher.send_detections(detections(7))
    publisher.send_status(status(7))
    for topic, file in (
        (b"det/1/bench-2/wrist/", "message.schema.json"),
        (b"sys/1/bench-2/wrist/", "status.schema.json"),
    ):
        got, body = receive(sub)
        values: Any = msgpack.unpackb(body)
        promise = json.loads((Path(publisher_file.__file__).parents[1] / "wire" / file).read_text(encoding="utf-8"))
        Draft202012Validator(promise).validate(values)
        assert got == topic
        assert values["seq"] == 7


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:0", "tcp://localhost:*", "tcp://127.1.2.3:*"])
def test_the_chosen_port_is_told(address: str, listen: Listen) -> None:
    with Publisher(PublisherOptions(address), NODE) as node:
        sub = listen(node, b"det/")
        node.send_detections(detections())
        assert receive(sub)


def test_a_socket_file_is_for_this_user_alone_and_a_left_over_one_is_replaced(tmp_path: Path, listen: Listen) -> None:
    path = tmp_path / "groundcast.sock"
    left_over = socket.socket(socket.AF_UNIX)
    left_over.bind(str(path))
    left_over.close()
    with Publisher(PublisherOptions(f"ipc://{path}"), NODE) as node:
        assert path.stat().st_mode & 0o777 == 0o600
        sub = listen(node, b"det/")
        node.send_detections(detections())
        assert receive(sub)
        with pytest.raises(PublisherError, match="in use by another program"):
            Publisher(PublisherOptions(f"ipc://{path}"), NODE)
        node.send_detections(detections(2))
        assert receive(sub)


def test_a_reader_gets_room_for_one_message_at_least() -> None:
    with pytest.raises(PublisherError, match="high_water_mark is 0"):
        Publisher(PublisherOptions("tcp://127.0.0.1:*", high_water_mark=0), NODE)


def test_pictures_are_wanted_only_while_a_client_subscribes_to_them(publisher: Publisher, listen: Listen) -> None:
    assert not publisher.wants_pictures("cam1")
    sub = listen(publisher, b"img/1/bench-2/cam1/", b"img/1/bench-2/cam10/")
    assert publisher.wants_pictures("cam1")
    sub.unsubscribe(b"img/1/bench-2/cam1/")
    assert eventually(lambda: not publisher.wants_pictures("cam1"))
    assert publisher.wants_pictures("cam10")
    sub.close()
    assert eventually(lambda: not publisher.wants_pictures("cam10"))


def test_who_subscribes_to_everything_wants_pictures_too(publisher: Publisher, listen: Listen) -> None:
    sub = listen(publisher, b"")
    assert publisher.wants_pictures("cam1")
    sub.close()
    assert eventually(lambda: not publisher.wants_pictures("cam1"))


def test_pictures_are_wanted_until_the_last_of_two_leaves(publisher: Publisher, listen: Listen) -> None:
    first, second = listen(publisher, b"img/1/"), listen(publisher, b"img/1/")
    time.sleep(0.3)  # nothing tells from outside that the second was heard too
    first.close()
    time.sleep(0.2)
    assert publisher.wants_pictures("cam1")
    second.close()
    assert eventually(lambda: not publisher.wants_pictures("cam1"))


def test_a_picture_names_the_message_it_belongs_to(publisher: Publisher, listen: Listen) -> None:
    sub = listen(publisher, b"img/1/bench-2/wrist/")
    publisher.send_picture(PictureHeader(node=NODE, source="wrist", epoch=5, generation=2, seq=9), b"\xff\xd8jpeg")
    topic, header, jpeg = receive(sub)
    belongs = decode_picture_header(header)
    assert (topic, jpeg) == (b"img/1/bench-2/wrist/", b"\xff\xd8jpeg")
    assert (belongs.source, belongs.epoch, belongs.generation, belongs.seq) == ("wrist", 5, 2, 9)


def test_waiting_for_a_subscriber_ends_when_one_comes_or_time_is_up(publisher: Publisher, listen: Listen) -> None:
    assert not publisher.wait_for_subscriber(0.1, lambda: False)
    assert not publisher.wait_for_subscriber(60.0, lambda: True)
    listen(publisher, b"det/1/bench-2/wrist/")
    assert publisher.wait_for_subscriber(0.0, lambda: False)


def test_a_late_joiner_gets_the_last_messages_and_no_other_client_does(publisher: Publisher, listen: Listen) -> None:
    early = listen(publisher, b"det/", b"snap/1/another-nonce-of-someone/")
    for seq in (1, 2):
        publisher.send_detections(detections(seq))
        publisher.send_status(status(seq))
        publisher.send_detections(detections(seq, "other"))
    live = [topic for topic, _ in receive_all(early)]
    assert len(live) == 4

    late = listen(publisher, f"snap/1/{NONCE}/".encode())
    got = dict(receive_all(late))
    request = f"snap/1/{NONCE}/".encode()
    assert set(got) == {
        request + topic for topic in (b"det/1/bench-2/wrist/", b"sys/1/bench-2/wrist/", b"det/1/bench-2/other/")
    }
    assert decode_detections(got[request + b"det/1/bench-2/wrist/"]) == replace(detections(2), replay=True)
    assert decode_status(got[request + b"sys/1/bench-2/wrist/"]) == replace(status(2), replay=True)
    assert receive_all(early) == []


def test_a_late_joiner_may_ask_about_one_source(publisher: Publisher, listen: Listen) -> None:
    early = listen(publisher, b"det/")
    for source in ("cam1", "cam10"):
        publisher.send_detections(detections(1, source))
        receive(early)
    request = f"snap/1/{NONCE}/cam1/".encode()
    late = listen(publisher, request)
    assert receive(late)[0] == request + b"det/1/bench-2/cam1/"
    assert receive_all(late) == []


@pytest.mark.parametrize(
    "request_", [b"snap/1/", b"snap/1/short/", b"snap/1/0123456789abcdef", b"snap/2/0123456789abcdef/"]
)
def test_a_request_without_a_nonce_of_its_own_gets_nothing(
    publisher: Publisher, listen: Listen, request_: bytes
) -> None:
    publisher.send_detections(detections())
    assert receive_all(listen(publisher, request_)) == []


def test_a_reader_that_stands_still_slows_no_other_down(publisher: Publisher, listen: Listen) -> None:
    still = listen(publisher, b"img/1/bench-2/wrist/", most_kept=1)
    awake = listen(publisher, b"sys/")
    longest_s = 0.0
    for seq in range(1, 501):
        header = PictureHeader(node=NODE, source="wrist", epoch=5, generation=2, seq=seq)
        before_s = time.monotonic()
        publisher.send_picture(header, JPEG)
        longest_s = max(longest_s, time.monotonic() - before_s)
    publisher.send_status(status(500))
    assert receive(awake)[0] == b"sys/1/bench-2/wrist/"
    assert longest_s < 10.0  # a sender that waits for it would wait for ever
    assert len(receive_all(still)) < 500  # it lost some, as it must


def test_closing_delivers_the_tail(listen: Listen) -> None:
    node = Publisher(PublisherOptions("tcp://127.0.0.1:*", high_water_mark=2000), NODE)
    sub = listen(node, b"det/", b"sys/")
    for seq in range(1, 501):
        node.send_detections(detections(seq))
    node.send_status(replace(status(500), state="ended"))
    node.close(linger_s=5.0)
    got = receive_all(sub)
    assert len(got) == 501
    assert decode_status(got[-1][1]).state == "ended"


def test_a_closed_publisher_gives_its_address_back_and_takes_nothing_more() -> None:
    node = Publisher(PublisherOptions("tcp://127.0.0.1:*"), NODE)
    node.close()
    node.close()
    with pytest.raises(PublisherError, match="is closed"):
        node.send_detections(detections())
    Publisher(PublisherOptions(node.address), NODE).close()


def test_what_no_client_takes_is_dropped_and_counted(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_file, "_MAX_QUEUED", 0)
    publisher.send_detections(detections())
    publisher.send_detections(detections(2))
    assert publisher.dropped == 2


def test_a_failure_of_the_thread_reaches_who_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Publisher) -> None:
        raise RuntimeError("the line is cut")

    monkeypatch.setattr(Publisher, "_serve", fail)
    with Publisher(PublisherOptions("tcp://127.0.0.1:*"), NODE) as node:
        assert eventually(lambda: "the line is cut" in refusal(node))


def test_a_message_that_cannot_travel_is_left_out_counted_and_logged_once(
    publisher: Publisher, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    sub = listen(publisher, b"det/", b"sys/")
    too_many = replace(detections(1), tracks=detections().tracks * 4097)
    publisher.send_detections(too_many)
    publisher.send_detections(too_many)
    publisher.send_status(replace(status(), fps_in=math.nan))
    publisher.send_detections(detections(2))
    assert [decode_detections(body).seq for _, body in receive_all(sub)] == [2]
    assert publisher.dropped == 3
    (line,) = [record.message for record in caplog.records if "was dropped" in record.message]
    assert line.startswith("a message of source wrist was dropped")
    assert line.endswith("tracks has 8194 entries: at most 4096 may be sent")


def test_only_messages_of_this_node_leave(publisher: Publisher) -> None:
    with pytest.raises(MessageError, match="bench-2"):
        publisher.send_status(replace(status(), node="bench-3"))
    with pytest.raises(MessageError, match="name 'a/b'"):
        publisher.send_detections(detections(source="a/b"))


def test_what_a_client_sends_is_ignored(publisher: Publisher, listen: Listen) -> None:
    sub = listen(publisher, b"det/")
    with zmq.Context() as context, context.socket(zmq.XSUB) as client:
        client.set(zmq.LINGER, 0)
        client.connect(publisher.address)
        for body in (b"\x01\xff\xfe", b"\x00det/", b"\x02", b"", b"\x01snap/1/" + b"\xff" * 40 + b"/", b"\x01" * 9000):
            client.send(body)
        time.sleep(0.2)
        publisher.send_detections(detections())
        assert receive(sub)
