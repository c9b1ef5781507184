"""What a program at the other end of the socket gets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from groundcast.stream.options import PublisherOptions
from groundcast.stream.publish.publisher import Publisher
from groundcast.stream.stats import SourceState
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections, decode_status
from groundcast.stream.wire.message_types import DetectionMessage, PictureHeader, StatusMessage, read_boot_id

from ..waiting import eventually

HERE = Path(__file__).parent
GOLDEN = decode_detections((HERE / "golden_live.msgpack").read_bytes())
GOLDEN_STATUS = decode_status((HERE / "golden_status.msgpack").read_bytes())
NODE = "bench-2"
OPTIONS = PublisherOptions("tcp://127.0.0.1:*", high_water_mark=5000)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(OPTIONS, NODE) as node:
        yield node


def detections(
    seq: int, source: str = "wrist", age_ms: float = 20.0, epoch: int = 1, error_ms: float = 20.0
) -> DetectionMessage:
    """A message of this host whose picture was taken `age_ms` ago."""
    now_ns = time.time_ns()
    captured_ns = now_ns - round(age_ms * 1e6)
    frame = replace(GOLDEN.frame, age_ms=age_ms, captured_unix_ns=captured_ns, captured_error_ms=error_ms)
    return replace(
        GOLDEN,
        seq=seq,
        source=source,
        epoch=epoch,
        frame=frame,
        published_unix_ns=now_ns,
        published_monotonic_ns=time.monotonic_ns(),
        boot_id=read_boot_id(),
    )


def of_a_file(seq: int) -> DetectionMessage:
    message = detections(seq)
    frame = replace(message.frame, captured_unix_ns=None, captured_error_ms=None, age_ms=None, clock="file")
    return replace(message, frame=frame)


def status(seq: int, state: SourceState = "running", source: str = "wrist", epoch: int = 1) -> StatusMessage:
    return replace(GOLDEN_STATUS, seq=seq, state=state, source=source, epoch=epoch)


def joined(publisher: Publisher) -> None:
    """Return once a subscriber's requests are taken in, of which that for the snapshot is the last."""
    heard = publisher._subscriptions  # pyright: ignore[reportPrivateUsage]
    assert heard.wait_below(b"snap/1/", 10.0, lambda: False)


def gone_out(publisher: Publisher) -> None:
    """Return once a first message has left: who joins from then on gets it as a replay."""
    assert eventually(lambda: len(publisher._xpub_socket._snapshot) > 0)  # pyright: ignore[reportPrivateUsage]


def sequence(subscriber: Subscriber) -> list[int]:
    return [message.seq for message in subscriber]


def test_every_message_arrives_in_order_and_the_loop_ends_with_the_source(publisher: Publisher) -> None:
    with Subscriber(publisher.address, newest_only=False, timeout_s=20) as subscriber:
        joined(publisher)
        for seq in range(1, 2001):
            publisher.send_detections(detections(seq))
        publisher.send_status(status(2000, "ended"))
        assert sequence(subscriber) == list(range(1, 2001))
        assert (subscriber.gaps, subscriber.skipped, dict(subscriber.refused)) == (0, 0, {})


def test_what_is_lost_on_the_way_is_counted(publisher: Publisher) -> None:
    with Subscriber(publisher.address, newest_only=False, timeout_s=20) as subscriber:
        joined(publisher)
        for seq in (1, 2, 5, 6):
            publisher.send_detections(detections(seq))
        publisher.send_status(status(8))  # a status that names two more, which were lost
        publisher.send_detections(detections(9))
        publisher.send_status(status(9, "ended"))
        assert sequence(subscriber) == [1, 2, 5, 6, 9]
        assert subscriber.gaps == 4


def test_the_newest_message_of_each_source_is_given_and_the_others_are_counted(publisher: Publisher) -> None:
    with Subscriber(publisher.address, timeout_s=20) as subscriber:
        joined(publisher)
        for seq in range(1, 51):
            publisher.send_detections(detections(seq, "left"))
            publisher.send_detections(detections(seq, "right"))
        publisher.send_status(status(50, "ended", "left"))
        publisher.send_status(status(50, "ended", "right"))
        time.sleep(0.5)
        assert [(message.source, message.seq) for message in subscriber] == [("left", 50), ("right", 50)]
        assert (subscriber.gaps, subscriber.skipped) == (0, 98)


@pytest.mark.parametrize("node", [None, NODE])
def test_cam1_does_not_receive_cam10(publisher: Publisher, node: str | None) -> None:
    with Subscriber(publisher.address, ["cam1"], node=node, newest_only=False, timeout_s=20) as subscriber:
        joined(publisher)
        for source in ("cam10", "cam1", "cam"):
            publisher.send_detections(detections(1, source))
        publisher.send_status(status(1, "running", "cam10"))
        publisher.send_status(status(1, "ended", "cam1"))
        assert [message.source for message in subscriber] == ["cam1"]
        assert list(subscriber.statuses) == ["cam1"]


def test_a_late_joiner_begins_with_the_last_message_marked_as_replay(publisher: Publisher) -> None:
    with Subscriber(publisher.address, newest_only=False, timeout_s=20) as early:
        joined(publisher)
        publisher.send_detections(detections(1))
        publisher.send_status(status(1))
        assert next(early).seq == 1
        with Subscriber(publisher.address, newest_only=False, timeout_s=20) as late:
            first = next(late)
            publisher.send_detections(detections(2))
            publisher.send_status(status(2, "ended"))
            assert (first.seq, first.replay) == (1, True)
            assert [(message.seq, message.replay) for message in late] == [(2, False)]
            assert late.gaps == 0
        assert [(message.seq, message.replay) for message in early] == [(2, False)]


def test_joining_after_the_end_gives_the_last_message_and_ends(publisher: Publisher) -> None:
    with Subscriber(publisher.address, newest_only=False, timeout_s=20) as early:
        joined(publisher)
        publisher.send_detections(detections(1, "left"))
        publisher.send_detections(detections(1, "right"))
        publisher.send_status(status(1, "ended", "left"))
        publisher.send_status(status(1, "failed", "right"))
        assert sorted(message.source for message in early) == ["left", "right"]  # now all of it has left
    subscriber = Subscriber(publisher.address, timeout_s=20)
    assert sorted((message.source, message.replay) for message in subscriber) == [("left", True), ("right", True)]
    assert subscriber.statuses["right"].state == "failed"


def test_max_age_ms_gives_only_fresh_pictures(publisher: Publisher) -> None:
    publisher.send_detections(detections(1))
    gone_out(publisher)
    with Subscriber(publisher.address, newest_only=False, max_age_ms=5000, timeout_s=20) as subscriber:
        joined(publisher)
        publisher.send_detections(detections(2, age_ms=9000))
        publisher.send_detections(detections(3))
        publisher.send_detections(of_a_file(4))
        publisher.send_detections(detections(5, age_ms=-60_000))
        publisher.send_detections(detections(6, error_ms=4990.0))
        publisher.send_detections(detections(7))
        publisher.send_status(status(7, "ended"))
        assert sequence(subscriber) == [3, 7]
        assert dict(subscriber.refused) == {"replay": 1, "old": 1, "unclocked": 1, "future": 1, "uncertain": 1}


def test_max_age_ms_is_measured_when_the_program_takes_the_message_not_when_it_arrived(publisher: Publisher) -> None:
    with Subscriber(publisher.address, max_age_ms=300, timeout_s=1.0) as subscriber:
        joined(publisher)
        publisher.send_detections(detections(1))
        time.sleep(0.6)
        with pytest.raises(TimeoutError, match="1 old"):
            next(subscriber)


def test_files_pass_max_age_ms_where_that_is_allowed_and_age_from_publication(publisher: Publisher) -> None:
    long_ago = replace(of_a_file(1), published_monotonic_ns=time.monotonic_ns() - 60_000_000_000)
    with Subscriber(
        publisher.address, newest_only=False, max_age_ms=5000, allow_unclocked=True, timeout_s=20
    ) as subscriber:
        joined(publisher)
        publisher.send_detections(long_ago)
        publisher.send_detections(of_a_file(2))
        publisher.send_status(status(2, "ended"))
        assert sequence(subscriber) == [2]
        assert dict(subscriber.refused) == {"old": 1}


def test_a_restarted_node_is_found_again_and_its_first_message_is_no_gap() -> None:
    first = Publisher(OPTIONS, NODE)
    with Subscriber(first.address, newest_only=False, timeout_s=20) as subscriber:
        joined(first)
        first.send_detections(detections(40, epoch=1))
        assert next(subscriber).seq == 40
        first.close()
        with Publisher(replace(OPTIONS, address=first.address), NODE) as second, ThreadPoolExecutor(1) as loop:
            rest = loop.submit(list[DetectionMessage], subscriber)
            joined(second)
            second.send_detections(detections(3, epoch=2))
            second.send_status(status(3, "ended", epoch=2))
            assert [(message.epoch, message.seq) for message in rest.result()] == [(2, 3)]
            assert subscriber.gaps == 0


def test_silence_of_a_lost_camera_tells_its_reason_and_one_may_go_on(publisher: Publisher) -> None:
    with Subscriber(publisher.address, timeout_s=0.5) as subscriber:
        joined(publisher)
        publisher.send_status(status(0, "reconnecting"))
        reason = r"source wrist is reconnecting \(rtsp://camera-7/: no packet for 5 s\)"
        with pytest.raises(TimeoutError, match=reason):
            next(subscriber)
        publisher.send_detections(detections(1))
        assert next(subscriber).seq == 1


def test_one_source_may_be_named_without_a_list(publisher: Publisher) -> None:
    with Subscriber(publisher.address, "cam1", timeout_s=20) as subscriber:
        joined(publisher)
        publisher.send_detections(detections(1, "cam1"))
        assert next(subscriber).source == "cam1"


def test_pictures_come_with_the_message_they_belong_to(publisher: Publisher) -> None:
    with Subscriber(publisher.address, newest_only=False, pictures=True, timeout_s=20) as subscriber:
        joined(publisher)
        assert publisher.wants_pictures("wrist")
        for seq in (1, 2, 3, 4):
            message = detections(seq)
            belongs = PictureHeader(
                node=message.node, source="wrist", epoch=message.epoch, generation=message.generation, seq=seq
            )
            if seq == 2:  # before its message
                publisher.send_picture(belongs, b"jpeg 2")
            publisher.send_detections(message)
            if seq in (1, 4):  # after its message; the third has none
                publisher.send_picture(belongs, b"jpeg %d" % seq)
        publisher.send_status(status(4, "ended"))
        got = [(message.seq, message.picture) for message in subscriber]
        assert got == [(1, b"jpeg 1"), (2, b"jpeg 2"), (3, None), (4, b"jpeg 4")]


def test_a_message_whose_picture_never_comes_is_not_held_for_long(publisher: Publisher) -> None:
    with Subscriber(publisher.address, pictures=True, timeout_s=20) as subscriber:
        joined(publisher)
        publisher.send_detections(detections(1))
        publisher.send_status(status(1, "ended"))
        assert [message.picture for message in subscriber] == [None]


def test_pictures_are_encoded_for_no_other_client(publisher: Publisher) -> None:
    with Subscriber(publisher.address):
        joined(publisher)
        assert not publisher.wants_pictures("wrist")


def test_statuses_are_told_as_they_come(publisher: Publisher) -> None:
    told: list[SourceState] = []
    with Subscriber(publisher.address, timeout_s=20, on_status=lambda status: told.append(status.state)) as subscriber:
        joined(publisher)
        for state in ("connecting", "running", "ended"):
            publisher.send_status(status(0, state))
        assert sequence(subscriber) == []
    assert told == ["connecting", "running", "ended"]


async def test_async_for_gives_the_same_and_leaves_room_for_other_tasks(publisher: Publisher) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    def speak() -> None:
        time.sleep(0.3)
        for seq in range(1, 301):
            publisher.send_detections(detections(seq))
        publisher.send_status(status(300, "ended"))

    ticking = asyncio.create_task(tick())
    with Subscriber(publisher.address, newest_only=False, timeout_s=20) as subscriber:
        joined(publisher)
        got: list[int] = []
        threading.Thread(target=speak).start()
        async for message in subscriber:
            got.append(message.seq)  # noqa: PERF401  the loop is what is tested
    ticking.cancel()
    assert got == list(range(1, 301))
    assert subscriber.gaps == 0
    assert ticks > 5


def test_leaving_the_loop_early_leaves_nothing_open(publisher: Publisher) -> None:
    publisher.send_detections(detections(1))
    for message in Subscriber(publisher.address, timeout_s=20):
        assert message.seq == 1
        break  # an unclosed socket would warn, and warnings are errors
    assert eventually(lambda: not publisher.wait_for_subscriber(0.0, lambda: False))


def test_a_closed_subscriber_gives_nothing_more(publisher: Publisher) -> None:
    subscriber = Subscriber(publisher.address)
    subscriber.close()
    subscriber.close()
    assert list(islice(subscriber, 1)) == []
