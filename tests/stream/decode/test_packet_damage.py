"""Packet damage: packets that FFmpeg marks as corrupt, in streams whose parts begin anew."""

from __future__ import annotations

from typing import cast

import av
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from groundcast.stream.decode.packet_damage import PacketDamage


def _packet(body: bytes = b"x", *, corrupt: bool = False) -> Packet[VideoStream]:
    packet = cast("Packet[VideoStream]", av.Packet(body))
    packet.is_corrupt = corrupt
    return packet


def test_a_marked_packet_of_a_stream_without_parts_is_damaged() -> None:
    damage = PacketDamage("rtsp", may_leap=False)
    assert [damage.add(_packet(corrupt=number == 1), number / 25) for number in range(4)] == [0, 1, 0, 0]
    assert damage.end() == 0


def test_a_marked_packet_in_the_middle_of_a_part_is_damaged() -> None:
    damage = PacketDamage("mpegts", may_leap=True)
    assert sum(damage.add(_packet(corrupt=number == 1), number / 25) for number in range(6)) == 1


@pytest.mark.parametrize("begins_s", [0.0, 100.0])
def test_a_marked_packet_where_a_part_ends_is_sound(begins_s: float) -> None:
    damage = PacketDamage("mpegts", may_leap=True)
    times_s = (5.0, 5.04, begins_s, begins_s + 0.04, begins_s + 0.08, begins_s + 0.12)
    assert sum(damage.add(_packet(corrupt=number == 1), time_s) for number, time_s in enumerate(times_s)) == 0
    assert damage.end() == 0


def test_a_marked_packet_at_the_end_is_damaged() -> None:
    damage = PacketDamage("mpegts", may_leap=True)
    assert damage.add(_packet(corrupt=True), 0.0) == 0
    assert damage.end() == 1


def test_a_whole_jpeg_of_a_multipart_stream_is_sound() -> None:
    damage = PacketDamage("mpjpeg", may_leap=False)
    assert damage.add(_packet(b"\xff\xd8\xff\xd9\r\n", corrupt=True), 0.0) == 0
    assert damage.add(_packet(b"\xff\xd8", corrupt=True), 0.04) == 1
