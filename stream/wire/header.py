"""Message header: the fields of any message that say where in the stream it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..stats import LAST_STATES
from .message_fields import Fields
from .packing import unpack
from .topics import MAJOR, MessageError, Topic, parse_topic


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Where a message belongs.

    Args:
        topic: what kind it is, of which node and source.
        epoch, generation, seq: its count; a status carries the seq of the last detections.
        published_unix_ns: when it was sent; None for pictures, which do not have it.
        replay: it was sent again to a late joiner.
        is_last: a status after which no detections follow.
    """

    topic: Topic
    epoch: int
    generation: int
    seq: int
    published_unix_ns: int | None
    replay: bool
    is_last: bool


def check_parts(topic: bytes, parts: Sequence[bytes]) -> Topic:
    """Take a topic apart, if it came with as many parts as belong to its kind.

    Raises:
        MessageError: not a topic of groundcast, or another number of parts.
    """
    known = parse_topic(topic)
    if len(parts) != (2 if known.kind == "img" else 1):
        raise MessageError(f"topic {topic[:100]!r} came with {len(parts) + 1} parts")
    return known


def read_position(topic: bytes, parts: Sequence[bytes]) -> StreamPosition:
    """Read where a message belongs, and no other field.

    Args:
        topic: its first part.
        parts: the others.

    Raises:
        MessageError: not a message of this major version.
    """
    known = check_parts(topic, parts)
    fields = Fields(unpack(parts[0]))
    if fields.integers("schema", 2, minimum=0)[0] != MAJOR:
        raise MessageError(f"topic {topic[:100]!r} carries another major version than its own")
    return StreamPosition(
        known,
        fields.integer("epoch"),
        fields.integer("generation"),
        fields.integer("seq"),
        None if known.kind == "img" else fields.integer("published_unix_ns"),
        known.kind != "img" and fields.flag("replay"),
        known.kind == "sys" and fields.text("state") in LAST_STATES,
    )
