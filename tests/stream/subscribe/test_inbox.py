"""What a subscriber makes of what arrives, without a socket."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from groundcast.stream.stats import SourceState
from groundcast.stream.subscribe.inbox import Inbox, Wanted
from groundcast.stream.wire.message import decode_detections, decode_status, encode
from groundcast.stream.wire.message_types import DetectionMessage, PictureHeader
from groundcast.stream.wire.topics import detections_topic, picture_topic, status_topic

HERE = Path(__file__).parents[1]
GOLDEN = decode_detections((HERE / "golden_live.msgpack").read_bytes())
STATUS = decode_status((HERE / "golden_status.msgpack").read_bytes())
EVERY = Wanted(newest_only=False)
SNAP = b"snap/1/0123456789abcdef/"


def put(inbox: Inbox, at: tuple[int, int, int], source: str = "wrist", request: bytes = b"") -> None:
    """Let detections arrive: `at` is epoch, generation, seq."""
    message = replace(GOLDEN, epoch=at[0], generation=at[1], seq=at[2], source=source)
    inbox.put([request + detections_topic(message.node, source), encode(message)])


def put_status(inbox: Inbox, at: tuple[int, int, int], state: SourceState = "running", source: str = "wrist") -> None:
    status = replace(STATUS, epoch=at[0], generation=at[1], seq=at[2], state=state, source=source)
    inbox.put([status_topic(status.node, source), encode(status)])


def put_picture(inbox: Inbox, seq: int, now_ns: int = 0) -> None:
    header = PictureHeader(node=GOLDEN.node, source="wrist", epoch=1, generation=1, seq=seq)
    inbox.put([picture_topic(GOLDEN.node, "wrist"), encode(header), b"%d" % seq], now_ns)


def take_all(inbox: Inbox, now_ns: int | None = None) -> list[DetectionMessage]:
    got: list[DetectionMessage] = []
    while (message := inbox.take(now_ns)) is not None:
        got.append(message)
    return got


@pytest.mark.parametrize(
    ("arrivals", "gaps", "repeated"),
    [
        ([(1, 1, 40), (1, 1, 41)], 0, 0),  # joining late is no loss
        ([(1, 1, 1), (1, 1, 4), (1, 1, 5)], 2, 0),
        ([(1, 1, 7), (2, 1, 3), (2, 1, 4)], 0, 0),  # a restart is no loss
        ([(5, 1, 7), (4, 1, 1), (4, 1, 2)], 0, 0),  # not even of a host whose clock was set back
        ([(1, 1, 7), (1, 2, 1)], 0, 0),
        ([(1, 1, 7), (1, 2, 3)], 2, 0),  # a source that was added again begins at 1
        ([(1, 1, 1), (1, 1, 2), (1, 1, 2), (1, 1, 1)], 0, 2),
    ],
)
def test_gaps_are_counted_from_seq(arrivals: Iterable[tuple[int, int, int]], gaps: int, repeated: int) -> None:
    inbox = Inbox(EVERY)
    for at in arrivals:
        put(inbox, at)
    assert (inbox.gaps, inbox.refused["repeated"]) == (gaps, repeated)


def test_a_status_shows_a_lost_tail_once() -> None:
    inbox = Inbox(EVERY)
    put_status(inbox, (1, 1, 30))  # before we had anything: nothing was lost
    put(inbox, (1, 1, 31))
    for seq in (31, 34, 34):
        put_status(inbox, (1, 1, seq))
    put(inbox, (1, 1, 35))
    put_status(inbox, (2, 1, 9))
    assert inbox.gaps == 3


def test_a_replay_counts_for_nothing_and_is_given_once() -> None:
    inbox = Inbox(replace(EVERY, requests=(SNAP,)))
    put(inbox, (1, 1, 10), request=SNAP)
    put(inbox, (1, 1, 10), request=SNAP)
    put(inbox, (1, 1, 15))
    put(inbox, (1, 1, 14), request=SNAP)
    assert [(message.seq, message.replay) for message in take_all(inbox)] == [(10, True), (15, False)]
    assert inbox.gaps == 0


def test_a_replay_never_takes_the_place_of_a_live_message() -> None:
    inbox = Inbox(Wanted(requests=(SNAP,)))
    put(inbox, (1, 1, 4))
    put(inbox, (1, 1, 9), request=SNAP)
    assert [(message.seq, message.replay) for message in take_all(inbox)] == [(4, False)]


def test_each_source_waits_for_its_own_turn_however_fast_another_is() -> None:
    inbox = Inbox(Wanted())
    put(inbox, (1, 1, 1), "slow")
    for seq in range(1, 10):
        put(inbox, (1, 1, seq), "fast")
    assert [(message.source, message.seq) for message in take_all(inbox)] == [("slow", 1), ("fast", 9)]
    assert inbox.skipped == 8


def test_the_end_comes_when_every_wanted_source_has_ended_and_all_is_taken() -> None:
    inbox = Inbox(replace(EVERY, sources=frozenset({"left", "right"})))
    put(inbox, (1, 1, 1), "left")
    put_status(inbox, (1, 1, 1), "ended", "left")
    put_status(inbox, (1, 1, 5), "ended", "unwanted")
    take_all(inbox)
    assert not inbox.is_finished  # nothing was heard of the right one yet
    put(inbox, (1, 1, 1), "right")
    put_status(inbox, (1, 1, 1), "failed", "right")
    assert not inbox.is_finished
    take_all(inbox)
    assert inbox.is_finished
    put(inbox, (2, 1, 1), "left")
    take_all(inbox)
    assert not inbox.is_finished  # it is back


def test_nothing_is_finished_before_anything_was_heard() -> None:
    assert not Inbox(Wanted()).is_finished


def test_a_program_that_was_away_for_long_still_finds_every_picture() -> None:
    inbox = Inbox(replace(EVERY, pictures=True))
    for seq in range(1, 51):
        put(inbox, (1, 1, seq))
        put_picture(inbox, seq)
    assert [message.picture for message in take_all(inbox)] == [b"%d" % seq for seq in range(1, 51)]


def test_a_picture_that_comes_too_late_belongs_to_no_later_message() -> None:
    inbox = Inbox(replace(EVERY, pictures=True))
    for seq in (1, 2):
        message = replace(GOLDEN, epoch=1, generation=1, seq=seq)
        inbox.put([detections_topic(message.node, "wrist"), encode(message)], now_ns=seq)
    assert inbox.is_waiting
    assert take_all(inbox, now_ns=100_000_000) == []
    put_picture(inbox, 2)  # so the first one's was lost
    assert [(message.seq, message.picture) for message in take_all(inbox, now_ns=200_000_000)] == [(1, None), (2, b"2")]
    put_picture(inbox, 1)
    inbox.put([detections_topic(GOLDEN.node, "wrist"), encode(replace(GOLDEN, epoch=1, generation=1, seq=3))], now_ns=0)
    assert [(message.seq, message.picture) for message in take_all(inbox, now_ns=600_000_000)] == [(3, None)]
    assert not inbox.is_waiting


def test_positions_that_are_less_certain_than_max_sigma_m_are_not_given() -> None:
    inbox = Inbox(Wanted(max_sigma_m=0.005))
    golden = decode_detections((HERE / "golden_positions.msgpack").read_bytes())
    sure, coasting = golden.tracks
    assert sure.position is not None
    unsure = replace(sure, position=replace(sure.position, covariance_m2=(1e-6, 0.0, 0.0, 1e-6, 0.0, 26e-6)))
    message = replace(golden, tracks=(sure, unsure, coasting))
    inbox.put([detections_topic(message.node, message.source), encode(message)])
    (taken,) = take_all(inbox)
    assert [(track.position, track.no_position) for track in taken.tracks] == [
        (sure.position, None),
        (None, "uncertain"),
        (None, "not_seen"),
    ]
