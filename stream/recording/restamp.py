"""Restamping: moves the times in recorded messages to now, to test subscribers with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

from ..wire.message_types import read_boot_id
from ..wire.packing import pack, unpack
from ..wire.topics import MessageError, Topic, parse_topic

_Map = dict[str, object]


class Restamp:
    """Moves the times in messages to now, one run of a recording long.

    Every start of a node becomes a new one, now, so that no subscriber refuses the messages as repeated. A picture
    keeps the age that it had when it was sent. All other keys stay, known or not; `restamped_from_unix_ns` is added and
    says when the message was truly sent.
    """

    def __init__(self) -> None:
        self._epochs: dict[tuple[str, int], int] = {}
        self._boot_id = read_boot_id()

    def __call__(self, topic: bytes, parts: Sequence[bytes]) -> tuple[bytes, ...]:
        """The same message with the times of now; one that cannot be read stays as it is."""
        try:
            known, values = parse_topic(topic), _map(unpack(parts[0]))
            self._move(known, values)
            return (pack(values), *parts[1:])
        except MessageError:
            return tuple(parts)

    def _move(self, topic: Topic, values: _Map) -> None:
        now_ns, epoch = time.time_ns(), values.get("epoch")
        if not isinstance(epoch, int):
            raise MessageError("epoch must be an integer")
        values["epoch"] = self._epochs.setdefault((topic.node, epoch), now_ns)
        sent_ns = values.get("published_unix_ns")
        if not isinstance(sent_ns, int):  # a picture's header, which has no time
            return
        values["restamped_from_unix_ns"], values["published_unix_ns"] = sent_ns, now_ns
        if topic.kind == "evt":
            _shift(values, ("uncertain_since_unix_ns",), now_ns - sent_ns)
            _shift(_map(values.get("event")), ("captured_unix_ns",), now_ns - sent_ns)
        if topic.kind == "sys":
            _shift(values, ("uncertain_since_unix_ns",), now_ns - sent_ns)
        if topic.kind == "det":
            values["published_monotonic_ns"] = time.monotonic_ns()
            values["boot_id"] = self._boot_id
            _shift(_map(values.get("frame")), ("captured_unix_ns", "captured_sent_unix_ns"), now_ns - sent_ns)
            tracks = values.get("tracks")
            for track in cast("list[object]", tracks) if isinstance(tracks, list) else ():
                _shift(_map(track), ("first_seen_unix_ns", "last_matched_unix_ns"), now_ns - sent_ns)


def _map(value: object) -> _Map:
    if not isinstance(value, dict):
        raise MessageError("a message, a frame and a track must be maps")
    return cast("_Map", value)


def _shift(values: _Map, keys: Sequence[str], by_ns: int) -> None:
    for key in keys:
        moment_ns = values.get(key)
        if isinstance(moment_ns, int):
            values[key] = moment_ns + by_ns
