"""Message identity: the version that every message begins with, then its node, its source and its count."""

from __future__ import annotations

from typing import TypedDict

from .message_fields import Fields
from .message_types import DetectionMessage, EventMessage, MaskMessage, PictureHeader, StatusMessage
from .packing import unpack
from .topics import MAJOR, MessageError, check_name

MINOR = 1


class Identity(TypedDict):
    """Arguments that every message type takes."""

    node: str
    source: str
    epoch: int
    generation: int
    seq: int


def identity_map(
    message: DetectionMessage | StatusMessage | PictureHeader | EventMessage | MaskMessage,
) -> dict[str, object]:
    """The first keys of a message."""
    return {
        "schema": [MAJOR, MINOR],
        "node": message.node,
        "epoch": message.epoch,
        "source": message.source,
        "generation": message.generation,
        "seq": message.seq,
    }


def read_identity(fields: Fields, min_seq: int) -> Identity:
    """The identity in a message; raises MessageError."""
    return {
        "node": check_name(fields.text("node")),
        "source": check_name(fields.text("source")),
        "epoch": fields.integer("epoch"),
        "generation": fields.integer("generation"),
        "seq": fields.integer("seq", minimum=min_seq),
    }


def open_message(body: bytes) -> Fields:
    """The map in `body`, of a version that this program reads.

    Raises:
        MessageError: not msgpack, not a map, or another major version.
    """
    fields = Fields(unpack(body))
    check_schema(fields)
    return fields


def check_schema(fields: Fields) -> None:
    """Refuse a map of another major version; raises MessageError."""
    major, minor = fields.integers("schema", 2, minimum=0)
    if major != MAJOR:
        raise MessageError(f"schema is [{major}, {minor}], but this program reads {MAJOR}: update the older one")
