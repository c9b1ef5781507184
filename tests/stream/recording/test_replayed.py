"""What was recorded goes out again: the same bytes, in order, in time, and never as something new."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from groundcast.stream.recording.format import Recorded
from groundcast.stream.recording.playback import playback
from groundcast.stream.recording.raw_publisher import RawPublisher
from groundcast.stream.recording.raw_subscriber import RawSubscriber
from groundcast.stream.recording.restamp import Restamp
from groundcast.stream.sockets.bound_socket import BindError
from groundcast.stream.subscriber import Subscriber
from groundcast.stream.wire.message import decode_detections, decode_picture_header, decode_status, encode
from groundcast.stream.wire.packing import pack, unpack

from ..spoken import ANY_PORT, DET, IMG, JPEG, SYS, Wire, detections, header, sending, status

HOUR_NS = 3_600_000_000_000


def at(moment_s: float) -> Recorded:
    return Recorded(DET, (b"",), 10**18 + round(moment_s * 1e9), 0)


def test_messages_keep_their_distances_and_files_follow_each_other_soon() -> None:
    files = [[at(0), at(0.5), at(90)], [at(90.25), at(91)], [at(10**6), at(10**6)], [at(5), at(6)]]

    moments_s = [moment_s for moment_s, _ in playback(files)]

    assert moments_s == pytest.approx([0, 0.5, 90, 90.25, 91, 92, 92, 92, 93])


def test_the_bytes_that_arrive_are_those_that_were_sent() -> None:
    newer = pack({**unpack(encode(detections(2))), "a key of a later version": b"\0"})  # type: ignore[dict-item]
    messages: Wire = [
        (SYS, encode(status(0))),
        (IMG, encode(header(1)), JPEG),
        (DET, encode(detections(1))),
        (DET, newer),
        (DET, b"\xc1 not msgpack"),
    ]

    with sending(messages) as address, RawSubscriber(address, pictures=True) as tap:
        assert [tap.take(20) for _ in messages] == messages


def test_a_tap_hears_the_sources_it_was_asked_for() -> None:
    messages: Wire = [(DET.replace(b"wrist", name), b"\x80") for name in (b"wrist", b"wrist2", b"door")]

    with sending(messages) as address, RawSubscriber(address, ["door"]) as tap:
        assert tap.take(20) == messages[2]
        assert tap.take(0.1) is None


def test_a_lossless_sender_waits_for_a_slow_reader() -> None:
    messages: Wire = [(DET, encode(detections(seq))) for seq in range(1, 6001)]

    with sending(messages, lossless=True) as address, Subscriber(address, newest_only=False, timeout_s=20) as reader:
        first = next(reader).seq
        time.sleep(0.5)  # far more than there is room for has been sent, or would have been
        seqs = [first, *(next(reader).seq for _ in range(5999))]

    assert seqs == list(range(1, 6001))
    assert reader.gaps == 0


def test_a_sender_that_waits_for_a_reader_can_be_stopped() -> None:
    stop = threading.Event()
    with RawPublisher(ANY_PORT, lossless=True) as sender, RawSubscriber(sender.address) as asleep:
        assert sender.wait_for_subscriber(10, stop.is_set)
        threading.Timer(0.5, stop.set).start()

        while sender.send(DET, [b"x" * 100_000], stop.is_set):
            pass

        assert stop.is_set()
        assert asleep.take(1) == (DET, b"x" * 100_000)


def test_an_address_that_others_can_reach_is_refused() -> None:
    with pytest.raises(BindError, match="can be reached by others"):
        RawPublisher("tcp://0.0.0.0:*")


def test_max_age_ms_refuses_what_is_played_back() -> None:
    """On the same host, on the same boot: the message's own clocks say how old it is."""
    messages: Wire = [(DET, encode(detections(seq))) for seq in (1, 2, 3)]
    messages += [(SYS, encode(status(3, "ended")))]
    time.sleep(0.3)

    with (
        sending(messages) as address,
        Subscriber(address, newest_only=False, max_age_ms=250, timeout_s=20) as subscriber,
    ):
        assert list(subscriber) == []
        assert subscriber.refused == {"old": 3}


def test_restamped_messages_pass_for_new_and_keep_the_rest() -> None:
    now = detections(5, epoch=77)
    captured_ns = (now.frame.captured_unix_ns or 0) - HOUR_NS
    frame = replace(now.frame, captured_unix_ns=captured_ns, captured_sent_unix_ns=captured_ns + 5)
    old = replace(
        now,
        frame=frame,
        published_unix_ns=now.published_unix_ns - HOUR_NS,
        published_monotonic_ns=1,  # just after a start
    )
    body = pack({**unpack(encode(old)), "a key of a later version": 1})  # type: ignore[dict-item]

    (new_body,) = Restamp()(DET, [body])

    new = decode_detections(new_body)
    assert 20 <= (new.age_ms_now() or 0) < 60_000  # it was an hour before; the machine may be busy
    assert new.epoch > old.published_unix_ns
    assert new.seq == 5
    assert new.tracks[0].box_xyxy == old.tracks[0].box_xyxy
    moved_ns = new.published_unix_ns - old.published_unix_ns
    assert new.frame.captured_sent_unix_ns == (new.frame.captured_unix_ns or 0) + 5
    assert new.tracks[0].first_seen_unix_ns == (old.tracks[0].first_seen_unix_ns or 0) + moved_ns
    values = unpack(new_body)
    assert isinstance(values, dict)
    assert values["a key of a later version"] == 1
    assert values["restamped_from_unix_ns"] == old.published_unix_ns


def test_each_start_of_a_node_becomes_one_start() -> None:
    restamp = Restamp()

    def epoch(topic: bytes, body: bytes) -> int:
        read = {DET: decode_detections, SYS: decode_status, IMG: decode_picture_header}[topic]
        return read(restamp(topic, [body, JPEG][: 2 if topic == IMG else 1])[0]).epoch

    first = [epoch(SYS, encode(status(0))), epoch(DET, encode(detections(1))), epoch(IMG, encode(header(1)))]
    second = [epoch(DET, encode(detections(1, epoch=2))), epoch(IMG, encode(header(1, epoch=2)))]

    assert len(set(first)) == len(set(second)) == 1
    assert second[0] > first[0]
    assert Restamp()(DET, [encode(detections(1))]) != restamp(DET, [encode(detections(1))])
    for unreadable in (b"\xc1", pack({"epoch": [1], "published_unix_ns": 1})):
        assert restamp(DET, [unreadable]) == (unreadable,)
